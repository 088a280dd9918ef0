"""Life: tells a process that works in silence from one that hangs."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

#: A process that makes no progress for this long, writes nothing and uses no processor, hangs:
#: seconds.
STALL_S = 300.0
#: One that does use the processor may be silent longer, seconds: a slow preset looks ahead by
#: sixty frames, which at 8K on one core is many minutes without a frame of output.
BUSY_STALL_S = 3600.0
#: Processor seconds that count as a sign of life: more than waking up to look costs.
LIFE_CPU_S = 1.0
#: A process all of whose threads wait for each other for this long never goes on: seconds. And how
#: much processor time its looking at the clock may take meanwhile, seconds.
DEADLOCK_S, IDLE_CPU_S = 6.0, 0.1
#: Signals by which a process is ended from outside (-15 by people, -9 by a system without memory);
#: others are its own doing, as a crash over a broken file.
KILLS = frozenset({signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP})


class Life:
    """One process, and when it last gave a sign of life. `writes` are files and folders it fills.

    What it writes is looked at only when nothing else was heard for as long as it may be silent:
    a packager never says how far it is, nor does ffmpeg while it moves an index to the front.
    """

    def __init__(self, pid: int, writes: Sequence[Path], now: float) -> None:
        self._pid = pid
        self._writes = writes
        self._moved_at = self._alive_at = now
        self._cpu_s = 0.0
        self._written: tuple[int, int] = (0, 0)
        self._went_on_at, self._went_on_cpu_s = now, 0.0

    def moved(self, now: float) -> None:
        """Take note that it made progress; work done until then no longer counts as life."""
        self._moved_at = self._alive_at = self._went_on_at = now
        self._cpu_s = cpu_seconds(self._pid)

    def gone(self, now: float, stall_s: float) -> bool:
        """Whether it hangs: no progress, and no work either, for longer than it may."""
        if now - self._alive_at <= stall_s:
            return False
        written = _written(self._writes)
        if written != self._written:
            self._written = written
            self.moved(now)
            return False
        used_s = cpu_seconds(self._pid)
        if used_s - self._cpu_s > LIFE_CPU_S and now - self._moved_at <= BUSY_STALL_S:
            self._cpu_s, self._alive_at = used_s, now
            return False
        return True

    def deadlocked(self, now: float) -> bool:
        """Whether it waits for itself, which nothing can end; to be asked every second or so."""
        used_s = cpu_seconds(self._pid)
        if used_s - self._went_on_cpu_s > IDLE_CPU_S or not waits_for_itself(self._pid):
            self._went_on_at, self._went_on_cpu_s = now, used_s
        return now - self._went_on_at > DEADLOCK_S


def waits_for_itself(pid: int) -> bool:
    """Whether each thread of a process sleeps until another one wakes it (futex(2)).

    One that reads, writes, computes, or sleeps for a time does not, nor does one whose disk or
    network share hangs. False where the system does not tell (proc(5), `wchan`).
    """
    try:
        threads = list(Path(f"/proc/{pid}/task").iterdir())
        return bool(threads) and all(map(_waits_for_another, threads))
    except OSError:
        return False  # it has just ended, or may not be looked at


def _waits_for_another(thread: Path) -> bool:
    state = (thread / "stat").read_bytes().rpartition(b")")[2].split()[0]
    return state == b"S" and b"futex" in (thread / "wchan").read_bytes()


def cpu_seconds(pid: int) -> float:
    """Read how much processor time a process has used, all its threads together (proc(5))."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:  # noqa: PTH123 - not a file of ours
            fields = file.read().rpartition(b")")[2].split()
    except OSError:
        return 0.0  # it has just ended, or this system has no /proc: silence is then all we know
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _written(writes: Sequence[Path]) -> tuple[int, int]:
    """Tell how much was written and when last: (bytes, time in ns), whichever of them changes."""
    bytes_, last_ns = 0, 0
    for path in _files(writes):
        try:
            facts = path.stat()
        except OSError:
            continue  # renamed or removed meanwhile, or not made yet
        bytes_, last_ns = bytes_ + facts.st_size, max(last_ns, facts.st_mtime_ns)
    return bytes_, last_ns


def _files(writes: Sequence[Path]) -> Iterator[Path]:
    for path in writes:
        if path.is_dir():
            yield from path.rglob("*")
        else:
            yield path
