"""Seconds from a dropped file to the first ffmpeg that works on it."""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path

import yaml

from benchmarks.clips import clip
from benchmarks.private import PATIENCE_S, Private, family, private_system
from benchmarks.report import Report

ROUNDS = 5
#: A file is whole when it stayed as it is for so long: the rest is ours.
SETTLE_S = 2.0
GOAL_S = 1.5


def run() -> Report:
    """Drop clips one after the other, each of other content, into an idle system."""
    with tempfile.TemporaryDirectory(prefix="reelworks-bench-") as name:
        folder = Path(name)
        root = folder / "system"
        root.mkdir()
        with private_system(root, {"video": {"ladder": [144], "preset": "ultrafast"}}) as system:
            said = yaml.safe_load((root / "config" / "pipeline.yml").read_text())
            if said["watch"][0]["settle_seconds"] != SETTLE_S:
                raise RuntimeError("the shipped settling time is not what this benchmark expects")
            waits = [_round(system, folder, number) for number in range(ROUNDS)]
    beyond = [wait - SETTLE_S for wait in waits]
    return Report(
        "latency",
        {
            "from drop to first ffmpeg, median seconds": statistics.median(waits),
            "of which beyond settling, median seconds": statistics.median(beyond),
            "of which beyond settling, worst seconds": max(beyond),
        },
        {"of which beyond settling, median seconds": GOAL_S},
        (f"{ROUNDS} clips, one after the other, default settle_seconds of {SETTLE_S:g}",),
    )


def _round(system: Private, folder: Path, number: int) -> float:
    source = clip(folder, seconds=1 + number, size="320x180")
    system.drop(source.rename(folder / f"clip-{number}.mp4"))
    began = time.monotonic()
    while not _ffmpeg_works(system.pid):
        if time.monotonic() - began > PATIENCE_S:
            raise TimeoutError("no ffmpeg was started")
        time.sleep(0.01)
    waited = time.monotonic() - began
    system.wait()
    return waited


def _ffmpeg_works(pid: int) -> bool:
    return any(_name(one).startswith("ffmpeg") for one in family(pid))


def _name(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text()
    except OSError:
        return ""  # it ended since it was listed
