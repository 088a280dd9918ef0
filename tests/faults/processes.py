"""Who is whose child among the processes of a system."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tests.system import command_lines

if TYPE_CHECKING:
    from tests.faults.fault import Scene


def children(pid: int) -> list[int]:
    """List the processes that `pid` started and that still run."""
    return [other for other in command_lines() if parent(other) == pid]


def parent(pid: int) -> int:
    """Tell who started a process; 0 when it is gone."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return 0
    return int(stat.rpartition(")")[2].split()[1])


def main_of(scene: Scene, *words: str) -> int | None:
    """Find the main process of a part: the one whose parent is not of the same part."""
    pids = set(scene.processes("pipeline.cli", *words))
    pids = {pid for pid in pids if "setpriv" not in command_lines().get(pid, "")}
    mains = sorted(pid for pid in pids if parent(pid) not in pids)
    return mains[0] if mains else None
