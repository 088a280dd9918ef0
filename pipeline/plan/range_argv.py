"""Argument lists for a range of a source, and for joining ranges. Nothing runs here.

A range keeps the moments its frames are shown at in the whole: each is rounded as it would be
there, and joined they stand where they are. More is encoded than the range, and only what is in it
is written.
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import ffmpeg

from pipeline.plan.codecs import TIMESCALE, picture_options
from pipeline.plan.commands import QUIET, TOLD, compiled, opened
from pipeline.plan.picture import pictures
from pipeline.plan.ranges import LEAD_S
from pipeline.plan.reading import file_url, our_options
from pipeline.plan.spans import asked_for_in
from pipeline.plan.stages import staged
from pipeline.plan.threads import x264_threads

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from pipeline.plan.encodes import EncodeUnit
    from pipeline.plan.plan import Plan
    from pipeline.plan.renditions import VideoRendition

#: How much more is read before and after a range, seconds: what is not in it is cut off by frames.
MARGIN_S = 0.5
#: Options of an output that are not those of one of its streams.
OF_FILE = frozenset({"video_track_timescale", "map_metadata", "map_chapters", "f"})
X265 = "x265-params"
#: One second in the units of ffmpeg's own clock.
MICRO = 1_000_000


def range_argv(
    program: Path,
    plan: Plan,
    unit: EncodeUnit,
    output: Path,
    *,
    encoders: Mapping[str, str],
    cores: int,
) -> list[str]:
    """Build the command that makes all pictures of a range, each a stream of one file.

    The streams are in the order of `unit.renditions`. `encoders` maps a picture's name to
    ffmpeg's encoder; `cores` is how many the encoders have for them all.
    """
    wanted = [one for one in plan.videos if one.name in unit.renditions]
    part = _with_lead(plan, unit)
    shown = pictures(_opened(plan, part), plan, wanted, part)
    options: dict[str, Any] = {}
    threads = x264_threads(wanted, cores)
    for number, video in enumerate(wanted):
        told = picture_options(plan, video, encoders[video.name], threads[video.name])
        if X265 in told:
            # Its header would else name this machine's threads, and no other's would fit to it.
            told[X265] += ":info=0"
        told["force_key_frames"] = key_frames_in(plan, part)
        told["bsf:v"] = _only(unit)
        for key, value in told.items():
            name = key if key in OF_FILE else f"{key.removesuffix(':v')}:v:{number}"
            options[name] = value
    made = ffmpeg.output(
        *(shown[video.name] for video in wanted),
        file_url(output),
        # The file's own clock must be as fine as its tracks', or their beginnings are rounded.
        **{**options, "movie_timescale": TIMESCALE},
    )
    return staged(compiled(made.global_args(*TOLD), program))


def _with_lead(plan: Plan, unit: EncodeUnit) -> EncodeUnit:
    """Widen a range by whole frames, so that its encoders know what comes before and after it."""
    rate = (plan.source.video and plan.source.video.steady_rate) or Fraction(1)
    frames_s = float(math.ceil(LEAD_S * rate) / rate)
    start_s, end_s = unit.start_s, unit.end_s
    return unit.model_copy(
        update={
            "start_s": start_s - frames_s if start_s is not None and start_s > frames_s else None,
            "end_s": None if end_s is None else end_s + frames_s,
        }
    )


def _only(unit: EncodeUnit) -> str:
    """Drop the packets that are not in a range: it begins with a key frame, and ends before one."""
    beyond = []
    if unit.start_s is not None:
        beyond.append(f"lt(pts*tb,{unit.start_s:.6f})")
    if unit.end_s is not None:
        beyond.append(f"gte(pts*tb,{unit.end_s:.6f})")
    return f"noise=amount=0:drop='{'+'.join(beyond) or '0'}'"


def key_frames_in(plan: Plan, unit: EncodeUnit) -> str:
    """Ask for the key frames that the whole has in a range."""
    gop_s, video = plan.profile.video.gop_seconds, plan.source.video
    end_s = plan.end_s if unit.end_s is None else unit.end_s
    if unit.start_s is None or video is None or video.steady_rate is None:
        return asked_for_in(gop_s, None, end_s)
    # A range begins half a frame before its first one.
    return asked_for_in(gop_s, unit.start_s - float(1 / video.steady_rate) / 2, end_s)


def _opened(plan: Plan, unit: EncodeUnit) -> Any:
    """Open the source at a range; its clock counts from the source's start, as for the whole."""
    part: dict[str, Any] = {"copyts": None, "start_at_zero": None}
    if unit.start_s is not None:
        part["ss"] = f"{max(unit.start_s - MARGIN_S, 0.0):.6f}"
    if unit.end_s is not None:
        part["to"] = f"{unit.end_s + MARGIN_S:.6f}"
    return opened(plan, **part)


def join_argv(
    program: Path, listing: Path, outputs: Sequence[tuple[VideoRendition, int, Path]]
) -> list[str]:
    """Build the command that joins what `listing` names: stream by stream, into `outputs`.

    Nothing is coded again.
    """
    joined = ffmpeg.input(file_url(listing), f="concat", safe=0, **our_options("list"))
    made = ffmpeg.merge_outputs(
        *(
            ffmpeg.output(
                joined[f"v:{number}"],
                file_url(output),
                **{"c": "copy", "video_track_timescale": TIMESCALE, "map_metadata": -1, "f": "mp4"},
                **({"tag:v": "hvc1"} if video.codec == "hevc" else {}),
            )
            for video, number, output in outputs
        )
    )
    return compiled(made.global_args(*QUIET, "-copyts", "-progress", "pipe:1"), program)


def joined_listing(files: Sequence[tuple[Path, float]]) -> str:
    """Write the list of files for ffmpeg's concat demuxer, each with when it begins, seconds.

    It lays each file where those before it end, so they are said to last until the next begins.
    """
    lines = ["ffconcat version 1.0"]
    begins = [round(begin_s * MICRO) for _, begin_s in files]
    for number, (path, _) in enumerate(files):
        quoted = file_url(path).replace("'", "'\\''")
        lines.append(f"file '{quoted}'")
        if number + 1 < len(files):
            lines.append(f"duration {(begins[number + 1] - begins[number]) / MICRO:.6f}")
    return "\n".join(lines) + "\n"
