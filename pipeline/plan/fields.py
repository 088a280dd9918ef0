"""Fields: whether a picture is really interlaced. Flags lie both ways; a look at it decides."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import TYPE_CHECKING, Any, NamedTuple

import ffmpeg

from pipeline.plan.commands import compiled
from pipeline.plan.frame_rate import frame_rate
from pipeline.plan.reading import file_url, input_options, unasked

if TYPE_CHECKING:
    from pathlib import Path

    from pipeline.plan.source import Source, VideoStream

#: Codecs of the web, whose pictures have no fields. Any other may hold those of a camera, a capture
#: card or an editor, and few say so in every container.
PROGRESSIVE_CODECS = frozenset({"av1", "vp8", "vp9", "theora", "gif", "apng", "webp"})
#: Lines of broadcasts, discs and cameras, where interlaced pictures come unmarked; of tapes with
#: what is before the picture (512, 608), too.
SUSPECT_LINES = frozenset({480, 486, 512, 576, 608, 1080, 1088})
#: The most frames a second that are made of two fields: above, each field is a frame already.
MOST_RATE = 30
#: How far from twice the rate of frames that of fields may be, as a share.
HALVED = Fraction(1, 20)
#: Where a picture is looked at, in shares of its duration, and how many frames there.
PLACES = (0.45, 0.1, 0.8)
FRAMES = 12
#: A picture shorter than this, seconds, is looked at once, at its beginning.
SHORT_S = 4.0
#: How much more one field must differ from the frames beside it than the other, for `idet` to call
#: a frame combed. At its own 1.04, fine detail that moves up or down passes for fields; at 1.8,
#: fields pass for progressive.
THRESHOLD = 1.3
#: The least frames that say anything: a still picture is neither.
LEAST = 8
#: The share of combed frames up to which a picture marked interlaced is taken for progressive.
STRAY = 0.05
#: The share from which on one that is not marked is taken for interlaced. Film spread over fields
#: has two such frames in five.
COMBED = 0.25
#: How often one order must be seen for each time of the other, to be believed against the file.
CLEAR = 4

_COUNTED = re.compile(
    r"Multi frame detection: TFF:\s*(\d+) BFF:\s*(\d+) Progressive:\s*(\d+) Undetermined:\s*(\d+)"
)


class Combing(NamedTuple):
    """How many frames show two moments, top or bottom field first; one; or nothing that moves."""

    top: int = 0
    bottom: int = 0
    progressive: int = 0
    unclear: int = 0

    def plus(self, other: Combing) -> Combing:
        """Add up two samples."""
        return Combing(*(a + b for a, b in zip(self, other, strict=True)))


def doubtful(video: VideoStream) -> bool:
    """Whether what the file says of its fields is worth a look."""
    if video.interlaced:
        return True
    # Where nothing is said, each packet may hold a field, and there are half as many frames.
    most = MOST_RATE if video.field_order else 2 * MOST_RATE
    slow = video.average_rate is None or video.average_rate <= most
    fielded = video.codec not in PROGRESSIVE_CODECS
    return fielded and video.height in SUSPECT_LINES and slow


def places(source: Source) -> tuple[float, ...]:
    """Choose where to look: seconds from the file's beginning, while there is a picture."""
    shown_s = source.duration_s
    if source.video is not None and not source.joined:
        shown_s = min(shown_s, source.video.last_pts_s - source.start_s)
    if shown_s < SHORT_S:
        return (0.0,)
    return tuple(share * shown_s for share in PLACES)


def combing_argv(program: Path, source: Source, at_s: float) -> list[str]:
    """Build the command that decodes some frames and prints what `idet` sees in them.

    It begins at the key frame before `at_s`, so that nothing is decoded only to be dropped.
    """
    place: dict[str, Any] = {"ss": f"{at_s:.3f}", "noaccurate_seek": None} if at_s > 0 else {}
    # More threads would decode ahead, for nothing.
    place |= {"threads": "1", **unasked(source.container)}
    if source.video is None:
        raise ValueError("fields are those of a picture")
    if source.video.turned:
        place["noautorotate"] = None  # else its fields would be columns
    origin = ffmpeg.input(file_url(source.path), **place, **input_options(source))
    looked_at = origin[str(source.video.index)].filter("idet", intl_thres=THRESHOLD)
    made = ffmpeg.output(looked_at, "-", **{"frames:v": FRAMES}, f="null").global_args(
        *("-nostdin", "-hide_banner", "-nostats", "-loglevel", "info", "-progress", "pipe:1")
    )
    return compiled(made, program)


def read_combing(log: str) -> Combing:
    """Read what ffmpeg printed; nothing seen when it printed nothing."""
    found = _COUNTED.findall(log)
    return Combing(*map(int, found[-1])) if found else Combing()


def settled(video: VideoStream, seen: Combing) -> bool:
    """Whether no further look is needed: nothing says fields, neither the file nor the picture."""
    return not video.interlaced and seen.progressive >= LEAST and not seen.top + seen.bottom


def true_order(told: str | None, seen: Combing) -> str | None:
    """Decide the order of fields, as ffprobe names it, from what the file says and what is seen."""
    combed = seen.top + seen.bottom
    clear = combed + seen.progressive
    if clear < LEAST:
        return told
    marked = told in ("tt", "bb", "tb", "bt")
    if combed < clear * (STRAY if marked else COMBED):
        return "progressive" if marked else told
    if seen.top >= CLEAR * max(seen.bottom, 1):
        return told if told == "bt" else "tt"
    if seen.bottom >= CLEAR * max(seen.top, 1):
        return told if told == "tb" else "bb"
    return told


def in_order(video: VideoStream, order: str | None) -> VideoStream:
    """Give a picture the order of fields that it has, and count its frames where it is kept so.

    H.264 may keep each field in a packet of its own, and ffmpeg decodes two of them to a frame. The
    rate of frames tells, or, where the file says nothing, that there are more than any picture of
    fields has. Other codecs' packets are frames.
    """
    there = frame_rate(video.frames, video.first_pts_s, video.last_pts_s)
    seen = video.model_copy(update={"field_order": order})
    if video.codec != "h264" or there is None or not (video.interlaced or seen.interlaced):
        return seen
    told = video.average_rate or there
    halved = video.interlaced and abs(there - 2 * told) <= there * HALVED
    if not halved and (video.field_order or there <= MOST_RATE * (1 + HALVED)):
        return seen
    shown_s = video.last_pts_s - (0.0 if video.frames % 2 else float(1 / there))
    counted = {
        "frames": (video.frames + 1) // 2,
        "last_pts_s": shown_s,
        "average_rate": there / 2,
        "steady_rate": video.steady_rate and video.steady_rate / 2,
        "missing": video.missing // 2,
        "leading": (video.leading + 1) // 2,
    }
    return seen.model_copy(update=counted)
