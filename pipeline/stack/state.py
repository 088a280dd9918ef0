"""The state folder belongs to one running system at a time."""

from __future__ import annotations

import fcntl
import os
import time
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING

from pipeline.errors import ReelworksError
from pipeline.stack.traces import LOOK_S

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def held(state: Path, *, patience_s: float) -> Iterator[int]:
    """Hold the state folder's lock; gives its file descriptor, to be kept open in what we start.

    The lock is the kernel's: it is free once every process that has it open is gone, however they
    ended, so a crash never blocks a start. When the former system was killed and its last parts
    are still ending, they are waited for, `patience_s` at most. Raises `ReelworksError` with the
    code `already_running` otherwise.
    """
    with (state / "up.lock").open("a+") as lock:
        until = time.monotonic() + patience_s
        while not _take(lock):
            holder = _living_holder(lock)
            if holder is not None or time.monotonic() >= until:
                raise _already_running(state, holder)
            time.sleep(LOOK_S)
        lock.truncate(0)
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        yield lock.fileno()


def _take(lock: IO[str]) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _living_holder(lock: IO[str]) -> int | None:
    lock.seek(0)
    text = lock.read().strip()
    if not text.isdecimal():
        return None  # it has only just taken the lock
    pid = int(text)
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return None
    except PermissionError:
        return pid  # somebody else's, but alive
    return pid


def _already_running(state: Path, holder: int | None) -> ReelworksError:
    who = f" (process {holder})" if holder else ""
    return ReelworksError(
        "already_running",
        f"Reelworks is running already on {state}{who}.",
        "Stop it with Ctrl-C in its terminal, or give this one a state folder of its own "
        "(paths.state in pipeline.yml, or REELWORKS_STATE).",
    )


def is_held(state: Path) -> bool:
    """Whether a system is running on the state folder."""
    try:
        with (state / "up.lock").open("r") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False
