"""The processes of a part: what it started, and what it left behind, also when it is dead.

Every part is started as the leader of a session of its own and with a mark in its environment.
Its pool processes and encoders share the session; what makes a session of its own keeps the mark.
"""

from __future__ import annotations

import os
import signal
import time
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

PROC = Path("/proc")
#: The environment variable that carries the mark.
MARK = "REELWORKS_LIFE"
#: How often it is looked whether processes have ended, seconds.
LOOK_S = 0.05
#: States in which a process has ended and only waits to be collected (proc_pid_stat(5)).
_ENDED = frozenset("ZXx")


@dataclass(frozen=True)
class Trace:
    """How the processes of one life of a part are recognised: the leader's number, the mark."""

    session: int
    mark: str


@dataclass(frozen=True)
class Process:
    """One line of the process table."""

    pid: int
    parent: int
    session: int
    state: str


def new_mark() -> str:
    """Make a mark that nothing else has."""
    return uuid.uuid4().hex


def parse_stat(stat: str) -> Process:
    """Read a `/proc/PID/stat` (proc_pid_stat(5)); the name in it may hold spaces and brackets."""
    pid, _, rest = stat.partition(" ")
    state, parent, _group, session, *_ = rest.rpartition(")")[2].split()
    return Process(int(pid), int(parent), int(session), state)


def running() -> Iterator[Process]:
    """List the processes that have not ended."""
    for entry in PROC.iterdir():
        if not entry.name.isdecimal():
            continue
        try:
            process = parse_stat((entry / "stat").read_text(errors="replace"))
        except (FileNotFoundError, ProcessLookupError):
            continue  # it ended while we looked
        if process.state not in _ENDED:
            yield process


def members(traces: Collection[Trace]) -> set[int]:
    """Find who has one of these traces, and everybody those started; never ourselves."""
    if not traces:
        return set()
    sessions = {trace.session for trace in traces}
    marks = {f"{MARK}={trace.mark}".encode() for trace in traces}
    processes = list(running())
    found = {
        process.pid
        for process in processes
        if process.session in sessions or not marks.isdisjoint(_environment(process.pid))
    }
    grown = True
    while grown:
        children = {process.pid for process in processes if process.parent in found} - found
        grown = bool(children)
        found |= children
    return found - {os.getpid()}


def _environment(pid: int) -> list[bytes]:
    try:
        return (PROC / str(pid) / "environ").read_bytes().split(b"\0")
    except (PermissionError, FileNotFoundError, ProcessLookupError):
        return []  # another user's, so none of ours; or it has just ended


def ask(pids: Collection[int], number: signal.Signals) -> None:
    """Send a signal to each of the processes that still run."""
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            continue


def sweep(traces: Collection[Trace], *, within_s: float) -> set[int]:
    """Kill everybody with these traces; returns who is still there after `within_s` seconds.

    Only a process that the kernel itself holds (a dead network disk, say) survives this.
    """
    until = time.monotonic() + within_s
    while left := members(traces):
        ask(left, signal.SIGKILL)
        if time.monotonic() >= until:
            return left
        time.sleep(LOOK_S)
    return set()
