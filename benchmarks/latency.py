"""Seconds from the close of a file to the first ffmpeg or ffprobe that works on it."""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.clips import clip
from benchmarks.private import PATIENCE_S, Private, children, family, name_of, private_system
from benchmarks.report import Report

if TYPE_CHECKING:
    from collections.abc import Collection

ROUNDS = 9
GOAL_S = 0.3
#: The programs that look at a file first.
TOOLS = ("ffprobe", "ffmpeg")
#: How long the system is left alone between two files, seconds.
REST_S = 2.0


def run() -> Report:
    """Write clips one after the other, each of other content, into an idle system."""
    with tempfile.TemporaryDirectory(prefix="reelworks-bench-") as name:
        folder = Path(name)
        root = folder / "system"
        root.mkdir()
        with private_system(root, {"video": {"ladder": [144], "preset": "ultrafast"}}) as system:
            _round(system, folder, ROUNDS)  # the first file finds nothing loaded yet
            waits = [_round(system, folder, number) for number in range(ROUNDS)]
    return Report(
        "latency",
        {
            "from close to first tool, median seconds": statistics.median(waits),
            "from close to first tool, worst seconds": max(waits),
        },
        {"from close to first tool, median seconds": GOAL_S},
        (f"{ROUNDS} clips, one after the other, shipped configuration",),
    )


def _round(system: Private, folder: Path, number: int) -> float:
    content = clip(folder, seconds=1 + number, size="320x180").read_bytes()
    system.inbox.mkdir(parents=True, exist_ok=True)
    time.sleep(REST_S)
    before = family(system.pid)
    with (system.inbox / f"clip-{number}.mp4").open("wb") as file:
        file.write(content)
    began = time.monotonic()
    while not _tool_works(before):
        if time.monotonic() - began > PATIENCE_S:
            raise TimeoutError("no tool was started")
        time.sleep(0.001)
    waited = time.monotonic() - began
    system.wait()
    return waited


def _tool_works(parents: Collection[int]) -> bool:
    """Whether a process of the system has a child that is such a tool.

    Only their lists of children are read, which is so cheap that it does not slow them.
    """
    return any(name_of(child).startswith(TOOLS) for pid in parents for child in children(pid))
