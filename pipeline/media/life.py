"""Life: tells a process that works in silence from one that hangs."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

#: A process that makes no progress for this long, writes nothing and uses no processor, hangs:
#: seconds.
STALL_S = 300.0
#: One that does use the processor may be silent longer, seconds: a slow preset looks ahead by
#: sixty frames, which at 8K on one core is many minutes without a frame of output.
BUSY_STALL_S = 3600.0
#: Processor seconds that count as a sign of life: more than waking up to look costs.
LIFE_CPU_S = 1.0


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

    def moved(self, now: float) -> None:
        """Take note that it made progress; work done until then no longer counts as life."""
        self._moved_at = self._alive_at = now
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
