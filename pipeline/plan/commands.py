"""What all of ffmpeg's argument lists have in common: a fenced-in source, quiet, compiled."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import ffmpeg

from pipeline.plan.reading import as_coded, file_url, input_options
from pipeline.plan.source import LEAPING
from pipeline.plan.stages import DROPPED, KEPT_GRAPH

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from pipeline.plan.plan import Plan
    from pipeline.plan.source import Source

#: Never waits for a key, says only what went wrong.
QUIET = ("-nostdin", "-hide_banner", "-nostats", "-loglevel", "error")
#: The same, but tells how far it is, and marks each line with how bad it is.
TOLD = (
    *("-nostdin", "-hide_banner", "-nostats", "-progress", "pipe:1"),
    *("-loglevel", "level+warning"),
)
#: How much later than all else a picture may begin and yet be the clock, seconds: nobody sees that
#: sound comes so much too early.
CLOSE_S = 0.01
#: More than any clock leaps, seconds.
ENDLESS_S = 1_000_000_000


def opened(plan: Plan, **part: Any) -> Any:
    """Open the plan's source, no further than the part that is used.

    `part` are options of the input that read a range of it.
    """
    used = {"to": f"{plan.end_s + 1:.3f}"} if plan.profile.trim else {}
    coded = as_coded(plan.source.video)
    clock = _one_clock(plan.source)
    opening = {**KEPT_GRAPH, **coded, **clock, **used, **input_options(plan.source), **part}
    return ffmpeg.input(file_url(plan.source.path), max_error_rate=1, **opening)


def _one_clock(source: Source) -> dict[str, Any]:
    """Give the option by which no sound is taken for one that was joined, where it begins late.

    Of an Ogg film ffmpeg may know that only by its picture's time when it reads the sound.
    """
    late = source.container in LEAPING and any(one.pauses for one in source.audio)
    return {"dts_delta_threshold": ENDLESS_S} if late else {}


def on_the_clock(origin: Any, plan: Plan, used: Collection[int]) -> list[Any]:
    """Give outputs to nowhere, uncoded, of streams that set the clock; none where none needs it.

    Of a broadcast ffmpeg lets the clock begin with the first stream that is used, not with the
    first in the file: a picture or sound alone would come at another time than beside the other.
    A picture that begins `CLOSE_S` later will do: beside another sound, where both have holes in
    turn, ffmpeg now and then waits for ever (for a picture, see `behind`). Where recordings were
    joined, the first stream behind a joint decides by how much all of them are moved: so the
    picture is always beside a sound.
    """
    source, video = plan.source, plan.source.video
    if source.container not in LEAPING:
        return []
    begin = {
        one.index: source.start_s if one.start_s is None else one.start_s for one in source.audio
    }
    if video is not None:
        begin = {video.index: video.first_pts_s - CLOSE_S, **begin}
    first = min(begin, key=lambda index: (round(begin[index], 4), index not in used))
    needed = {first, video.index} if video is not None and source.joined else {first}
    beside = {"c": "copy", "bsf": DROPPED, "f": "null"}
    return [ffmpeg.output(origin[str(one)], "-", **beside) for one in sorted(needed - set(used))]


def compiled(graph: Any, program: Path) -> list[str]:
    """Turn a graph of ffmpeg-python's into the argument list of a command."""
    argv: list[str] = ffmpeg.compile(graph, cmd=str(program), overwrite_output=True)
    return argv
