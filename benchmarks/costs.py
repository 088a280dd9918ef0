"""What work costs: the CPU seconds of this process and its children, and wall seconds."""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence


@dataclass(frozen=True)
class Cost:
    """CPU seconds, user's and system's together, and wall seconds."""

    cpu_s: float
    wall_s: float


def cost_of(work: Callable[[], object]) -> Cost:
    """Do the work, and tell what it cost; processes it starts must have ended when it returns."""
    before, began = _cpu_s(), time.monotonic()
    work()
    return Cost(_cpu_s() - before, time.monotonic() - began)


def rounds() -> int:
    """Choose how often both sides are measured in turn: `$REELWORKS_BENCH_ROUNDS`, else 3."""
    return int(os.environ.get("REELWORKS_BENCH_ROUNDS", "3"))


def median_of(figures: Iterable[float]) -> float:
    """Give the median of one figure over all rounds."""
    return statistics.median(figures)


def load() -> float:
    """Give how many processes wanted a processor over the last minute (getloadavg(3))."""
    return os.getloadavg()[0]


def run_quietly(argv: Sequence[str]) -> None:
    """Run a command; it must succeed."""
    subprocess.run(argv, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)


def _cpu_s() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)
