"""Milliseconds that it costs to start a tool inside its fence."""

from __future__ import annotations

import statistics
import subprocess
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.report import Report
from pipeline.media import isolation, landlock
from pipeline.media.process import run as run_tool
from pipeline.media.tools import find_tools
from pipeline.settings.pipeline import ToolPaths

if TYPE_CHECKING:
    from collections.abc import Callable

ROUNDS = 300
#: What is short beside the processor time of the shortest work of a job.
GOAL_MS = 4.0


def run() -> Report:
    """Start a program that does nothing, by turns with and without the fence."""
    with tempfile.TemporaryDirectory(prefix="reelworks-bench-") as name:
        source = Path(name) / "source"
        source.touch()
        tools = find_tools(ToolPaths())
        fence = tools.fence(reads=[source], writes=[Path(name) / "made"], cpu_s=60)
        fenced = partial(run_tool, ["true"], fence=fence)
        tied = partial(
            subprocess.run, ["setpriv", "--pdeathsig", "KILL", "--", "true"], capture_output=True
        )
        fenced()  # what is found out once
        pairs = [(_ms(tied), _ms(fenced)) for _ in range(ROUNDS)]
    bare, inside = (statistics.median(side) for side in zip(*pairs, strict=True))
    added = statistics.median(after - before for before, after in pairs)
    return Report(
        "fence",
        {
            "tied to its worker only, median ms": bare,
            "in its fence, median ms": inside,
            "which adds, median ms": added,
        },
        {"which adds, median ms": GOAL_MS},
        (f"{ROUNDS} starts of true; Landlock {landlock.version()}, {isolation.network()}",),
    )


def _ms(act: Callable[[], object]) -> float:
    began = time.monotonic()
    act()
    return (time.monotonic() - began) * 1000
