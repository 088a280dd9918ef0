"""What all of ffmpeg's argument lists have in common: a fenced-in source, quiet, compiled."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import ffmpeg

from pipeline.plan.reading import as_coded, file_url, input_options
from pipeline.plan.stages import KEPT_GRAPH

if TYPE_CHECKING:
    from pathlib import Path

    from pipeline.plan.plan import Plan

#: Never waits for a key, says only what went wrong.
QUIET = ("-nostdin", "-hide_banner", "-nostats", "-loglevel", "error")
#: The same, but tells how far it is, and marks each line with how bad it is.
TOLD = (
    *("-nostdin", "-hide_banner", "-nostats", "-progress", "pipe:1"),
    *("-loglevel", "level+warning"),
)


def opened(plan: Plan, **part: Any) -> Any:
    """Open the plan's source, no further than the part that is used.

    `part` are options of the input that read a range of it.
    """
    used = {"to": f"{plan.end_s + 1:.3f}"} if plan.profile.trim else {}
    coded = as_coded(plan.source.video)
    opening = {**KEPT_GRAPH, **coded, **used, **input_options(plan.source), **part}
    return ffmpeg.input(file_url(plan.source.path), max_error_rate=1, **opening)


def compiled(graph: Any, program: Path) -> list[str]:
    """Turn a graph of ffmpeg-python's into the argument list of a command."""
    argv: list[str] = ffmpeg.compile(graph, cmd=str(program), overwrite_output=True)
    return argv
