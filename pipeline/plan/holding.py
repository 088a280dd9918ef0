"""Holding: picture and sound are made to end together.

Players take a presentation for over when its picture is, and some when the first of its playlists
is: they left out the rest of the sound, or of the film, or after a single frame never began.

Where sound goes on after the picture, the last frame is shown until the sound ends; and so is one
that the file shows again until then, instead of another. The last one
becomes a key frame, so that it is the last to be coded too: only then is its length its own in an
MP4. Where sound ends first, silence follows.

For a few seconds no frame is added. A frame that is held for longer is shown again and again, and
so are a single frame, which is a still, and the last of a few. They then have key frames and
segments like any film, and players begin there: Chromium shows nothing before it has some frames
more or knows that no more come, and hls.js tells it so only once it has all there is.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from pipeline.plan.plan import Plan
    from pipeline.plan.source import AudioStream, VideoStream

#: What ends no further apart than this ends together, seconds: encoders of sound work in frames of
#: their own, and recordings rarely end to the sample.
APART_S = 0.1
#: A frame is shown again where it would be held for longer than this, seconds, or where the picture
#: has so few frames. Until then what is left of a film is loaded as soon as its last frame is.
LONG_HOLD_S = 5.0
FEW = 8
#: How often a second it is shown again at the end, so many seconds, and before that: every frame is
#: encoded. Chromium took five of them to begin, and a decoder that works on several frames at once
#: takes as many more.
OFTEN, SELDOM = 10, 1
OFTEN_S = 8.0
#: Frames that are further apart than this, seconds, do not wait for later ones (B-frames): they
#: would come so late that hls.js takes it for a hole.
SLOW_S = 0.75
#: Of sound that is shorter, seconds, a decoder may give nothing: WMA's keeps its first packet back.
LEAST_HEARD_S = 0.1
#: How far from its time the last frame may come, seconds, where the frames' distance says nothing.
ROUNDING_S = 0.002


class _Last(NamedTuple):
    """When the last frame is shown, and how long it is anyway; seconds of the output.

    `rough_s` is how much longer it may be without being held.
    """

    at_s: float
    frame_s: float
    rough_s: float = APART_S


def _last(plan: Plan) -> _Last | None:
    source, video = plan.source, plan.source.video
    if video is None or source.joined:
        return None
    at_s = video.last_pts_s - source.start_s - plan.start_s if video.frames > 1 else 0.0
    if video.over_s is not None and video.nominal_rate:
        return _Last(at_s, float(1 / video.nominal_rate), ROUNDING_S)
    return _Last(at_s, _apart_s(video))


def _apart_s(video: VideoStream) -> float:
    """Say how far apart frames are on average, seconds."""
    return (video.last_pts_s - video.first_pts_s) / max(video.frames - 1, 1)


class Held(NamedTuple):
    """From when on a frame is the last one, and until when it is shown; seconds of the output."""

    after_s: float
    until_s: float


def held(plan: Plan) -> Held | None:
    """Say how long the last frame is held; None where the picture ends as it does."""
    last, video = _last(plan), plan.source.video
    if last is None or video is None:
        return None
    heard = {one.index for one in plan.sounds}
    ends_s = [_end_s(plan, track) for track in plan.source.audio if track.index in heard]
    ends_s += [] if video.over_s is None else [video.over_s - plan.source.start_s]
    until_s = min(max(ends_s, default=0.0), plan.end_s) - plan.start_s
    if last.at_s < 0 or until_s <= last.at_s + last.frame_s + last.rough_s:
        return None
    again = _again(plan, last, until_s)
    if again is not None:
        last = _Last(again.last_s, 1 / OFTEN)
    return Held(last.at_s - max(last.frame_s / 2, ROUNDING_S), until_s)


class Again(NamedTuple):
    """How often the last frame is shown again after `first_s`, seconds of the output.

    First `seldom` times, `SELDOM` a second, then `often` times, `OFTEN` a second.
    """

    first_s: float
    seldom: int
    often: int

    @property
    def frames(self) -> int:
        """How many frames that adds."""
        return self.seldom + self.often

    @property
    def often_s(self) -> float:
        """From when on it is shown often, seconds of the output."""
        return self.first_s + self.seldom / SELDOM

    @property
    def last_s(self) -> float:
        """When it is shown for the last time, seconds of the output."""
        return self.often_s + self.often / OFTEN


def shown_again(plan: Plan) -> Again | None:
    """Say how often the last frame is shown again; None where it is not."""
    last, hold = _last(plan), held(plan)
    return _again(plan, last, hold.until_s) if last is not None and hold is not None else None


def is_still(plan: Plan) -> bool:
    """Whether all there is to show is a single frame, to sound."""
    return plan.source.video is not None and plan.source.video.frames == 1 and bool(held(plan))


def is_slow(plan: Plan) -> bool:
    """Whether no frame may wait for a later one to be coded before it."""
    video = plan.source.video
    slow = video is not None and not plan.source.joined and _apart_s(video) > SLOW_S
    return is_still(plan) or slow


def _again(plan: Plan, last: _Last, until_s: float) -> Again | None:
    """Count the times: what is left for the last one is no shorter than a rounding.

    Where a file does not say how often its frames come, those of a film can't be repeated.
    """
    video = plan.source.video
    if video is None or (video.frames > 1 and video.nominal_rate is None):
        return None
    left_s = until_s - last.at_s
    if video.frames >= FEW and left_s - last.frame_s <= LONG_HOLD_S:
        return None
    seldom = max(math.ceil((left_s - OFTEN_S) * SELDOM), 0)
    often = math.ceil((left_s - seldom / SELDOM - ROUNDING_S) * OFTEN)
    return Again(last.at_s, seldom, max(often - 1, 0))


def silent_until(plan: Plan, track: AudioStream) -> float | None:
    """Say until when silence follows a track, seconds of the output; None where none is needed.

    What does not say when it ends may be longer than that: then none follows.
    """
    last, hold = _last(plan), held(plan)
    length_s = plan.end_s - plan.start_s
    if not plan.videos:
        silent = not plan.source.joined and is_unheard(plan, track) and length_s > 0
        return length_s if silent else None
    if last is None:
        return None
    # How long the only frame is shown, its distance from the next does not say.
    shown_s = hold.until_s if hold else (last.at_s + last.frame_s) or length_s
    until_s = min(shown_s, length_s)
    ends_s = min(_end_s(plan, track), plan.end_s) - plan.start_s
    told = track.duration_s is not None
    if told and not is_unheard(plan, track) and ends_s >= until_s - APART_S:
        return None
    # A file may tell that it begins behind its picture.
    return until_s if until_s > 0 else None


def is_unheard(plan: Plan, track: AudioStream) -> bool:
    """Whether nothing of a track is in the part that is used, or so little that none may come."""
    ends_s = min(_end_s(plan, track), plan.end_s)
    return ends_s - max(_begins_s(plan, track), plan.start_s) < LEAST_HEARD_S


def _end_s(plan: Plan, track: AudioStream) -> float:
    """Give when a track ends, seconds from the file's start; the file's end where nothing says."""
    if track.duration_s is None:
        return plan.source.duration_s
    return _begins_s(plan, track) + track.duration_s


def _begins_s(plan: Plan, track: AudioStream) -> float:
    """Give when a track begins, seconds from the file's start, which it is where nothing says."""
    return 0.0 if track.start_s is None else track.start_s - plan.source.start_s


def hold_options(wanted: Held | None) -> dict[str, str]:
    """Give the option of a picture's output that makes its last frame last so long; maybe none."""
    if wanted is None:
        return {}
    length = f"if(gte(PTS*TB,{wanted.after_s:.6f}),{wanted.until_s:.6f}/TB-PTS,DURATION)"
    return {"bsf:v": f"setts=pts=PTS:dts=DTS:duration='{length}'"}
