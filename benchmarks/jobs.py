"""Whole jobs of ours, from a dropped file to success, and what each costs."""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from benchmarks.clips import clip
from benchmarks.private import PATIENCE_S, private_system

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from benchmarks.private import Private

#: How long the idle system is measured, seconds: its use is taken off the jobs'.
IDLE_S = 15
#: The first seconds of the system's parts are not idle.
STARTING_S = 5
#: How often it is asked whether the job has ended, seconds; what comes after that counts, too.
ASKED_S = 2.0


@dataclass(frozen=True)
class JobCost:
    """What a job cost, seconds.

    `cpu_s` is that of every process of the system from drop to success, less what it uses idle.
    `wall_s` goes from the drop, a rename by which the file is there whole, to success. `bitrates`
    are those of the pictures made, bits a second, by rendition.
    """

    cpu_s: float
    wall_s: float
    bitrates: dict[str, int]


@dataclass(frozen=True)
class Jobs:
    """A running system; `idle` is the CPU seconds a second it uses without a job."""

    system: Private
    idle: float

    def cost(self, source: Path) -> JobCost:
        """Drop the source, whose content is new to the system, and see the job to its success."""
        former = self._count()
        before, began = self.system.cpu_s(), time.monotonic()
        self.system.drop(source)
        dropped = time.time()
        self._wait(former + 1)
        used_s, span_s = self.system.cpu_s() - before, time.monotonic() - began
        job = self.system.wait()
        return JobCost(
            cpu_s=used_s - self.idle * span_s,
            wall_s=datetime.fromisoformat(job["finished_at"]).timestamp() - dropped,
            bitrates={
                one["name"]: round(one["bytes"] * 8 / one["duration"])
                for one in job["outputs"]["renditions"]
            },
        )

    def _wait(self, count: int) -> None:
        """Wait until so many jobs have ended; whether well, is asked once it is measured."""
        until = time.monotonic() + PATIENCE_S
        while self._count() < count:
            if time.monotonic() > until:
                raise TimeoutError("the job did not end")
            time.sleep(ASKED_S)

    def _count(self) -> int:
        ended = "SELECT count(*) FROM jobs WHERE finished_at IS NOT NULL"
        return int(self.system.asked(ended)[0][0])


@contextmanager
def jobs(root: Path, profile: dict[str, Any]) -> Iterator[Jobs]:
    """Run a system with this profile in the new folder `root`.

    It has done one small job before, as one that runs all day has.
    """
    root.mkdir()
    with private_system(root, profile) as system:
        system.drop(clip(root, seconds=2, size="320x180"))
        system.wait()
        time.sleep(STARTING_S)
        before, began = system.cpu_s(), time.monotonic()
        time.sleep(IDLE_S)
        yield Jobs(system, (system.cpu_s() - before) / (time.monotonic() - began))
