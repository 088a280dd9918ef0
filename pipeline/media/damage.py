"""Damage: what of a source could not be decoded, and whether that is more than its profile takes.

Judged by what was encoded, and by what ffmpeg said meanwhile.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.media.errors import MediaError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipeline.plan.plan import Plan
    from pipeline.plan.renditions import SoundRendition
    from pipeline.plan.source import AudioStream

#: A source that loses more of its frames than this share in decoding is damaged; a frame or two
#: may be lost at the ends of any recording that was cut.
TOLERATED_LOSS = 0.02
TOLERATED_FRAMES = 2
#: The same of sound: seconds, whatever the share, that may be lost, and the most that may. What
#: ffmpeg says of each lost packet is kept for a few hundred of them only, so no more is waited for.
TOLERATED_SOUND_S = (0.2, 2.0)
#: What ffmpeg puts before an error, at `-loglevel level+warning`.
ERROR_MARK = "[error]"
#: Samples in a packet; of other codecs about as many as of most.
SAMPLES = {
    "aac": 1024,
    "mp3": 1152,
    "mp2": 1152,
    "ac3": 1536,
    "eac3": 1536,
    "flac": 4096,
    "opus": 960,
}
USUAL_SAMPLES = 1024
_LOST_PACKET = re.compile(
    r"^\[aist#0:(\d+)/.*\[error\] (?:Error submitting packet|Decoding error)", re.MULTILINE
)


def losses(plan: Plan, frames: int | None, log: str) -> tuple[str, ...]:
    """Say what was lost, in sentences. `frames` is None where no picture was made.

    Raises `MediaError` (`damaged`) where it is too much and the profile does not salvage.
    """
    pictures = () if frames is None else tuple(_of_picture(plan, frames, log))
    sounds = tuple(_of_sounds(plan, log))
    if not pictures and not sounds and ERROR_MARK in log:
        return ("the source has damaged parts, which were patched",)
    return pictures + sounds


def cut_sound(plan: Plan, sound: SoundRendition, found_s: float, wanted_s: float) -> str:
    """Say that a track is decoded only up to `found_s`. Raises like `losses`."""
    there = f"the sound of stream {sound.index} ends at {found_s:.2f} s, not at {wanted_s:.2f} s"
    if plan.profile.damaged == "salvage":
        return f"the source is damaged: {there}"
    raise _damaged(plan, f"{there}; the rest can't be decoded")


def _of_picture(plan: Plan, frames: int, log: str) -> Iterator[str]:
    """Compare what was decoded with what the source holds.

    Only errors of the decoder make lost frames damage: packets also are not frames where each
    holds a field, or a picture that is only referred to, or where a recording starts between two
    key frames.
    """
    video = plan.source.video
    errors = ERROR_MARK in log
    if video is None or plan.profile.trim is not None:
        return
    # Where packets are damaged too, whole ones are lost, and leave holes.
    held = video.frames + (video.missing if errors else 0)
    leading = min(video.leading, max(held - frames, 0))
    held -= leading
    lost = held - frames
    if frames == 0 or (errors and lost > max(TOLERATED_FRAMES, held * TOLERATED_LOSS)):
        if plan.profile.damaged != "salvage" or not frames:
            raise _damaged(plan, f"{lost} of its {held} frames can't be decoded").telling(log)
        yield f"the source is damaged: {lost} of its {held} frames are lost"
    elif lost > 0 and errors:
        yield f"{lost} of {held} frames could not be decoded"
    elif leading and errors:
        yield f"it begins between key frames: {leading} frames before the first can't be shown"
    elif lost > 0:
        yield f"the source's {held} packets hold {frames} frames"


def _of_sounds(plan: Plan, log: str) -> Iterator[str]:
    told = [int(index) for index in _LOST_PACKET.findall(log)]
    for track in plan.source.audio:
        lost_s = told.count(track.index) * _packet_s(track)
        if not lost_s:
            continue
        what = f"about {lost_s:.1f} of its {plan.duration_s:.1f} seconds of sound"
        if lost_s <= tolerated_sound_s(plan.duration_s):
            yield f"{what} could not be decoded (stream {track.index})"
        elif plan.profile.damaged == "salvage":
            yield f"the source is damaged: {what} are lost (stream {track.index})"
        else:
            raise _damaged(plan, f"{what} can't be decoded (stream {track.index})").telling(log)


def _packet_s(track: AudioStream) -> float:
    return SAMPLES.get(track.codec, USUAL_SAMPLES) / max(track.sample_rate, 1)


def tolerated_sound_s(duration_s: float) -> float:
    """Say how much of so long a sound may be lost, seconds, before it counts as damaged."""
    least_s, most_s = TOLERATED_SOUND_S
    return max(least_s, min(duration_s * TOLERATED_LOSS, most_s))


def _damaged(plan: Plan, what: str) -> MediaError:
    return damaged(Path(plan.source.path).name, what)


def damaged(name: str, what: str) -> MediaError:
    """Say that more of a file is lost than is tolerated."""
    return MediaError(
        "damaged",
        f"{name} is damaged: {what}.",
        "Copy it again from its origin, or set `damaged: salvage` in its profile to make what can "
        "be made of it.",
    )
