"""Owner: the name under which a worker's process holds a step, and whether such a one is dead."""

from __future__ import annotations

import hashlib
import os
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from celery.signals import worker_init

if TYPE_CHECKING:
    from celery import Task

#: States of a process that runs no more, though its parent has not asked how it ended (proc(5)).
_ENDED = "ZX"


def owner_of(task: Task[..., str]) -> str:
    """Name who works on a step: `node/process/task id`.

    Two workers of a machine can have one node name; the process tells them apart.
    """
    return f"{task.request.hostname}/{process()}/{task.request.id}"


def role_of(node: str) -> str:
    """Tell the role of a worker by its node's name: `role@host`, or `role.number@host`."""
    return node.partition("@")[0].partition(".")[0]


@lru_cache(maxsize=1)
def process() -> str:
    """Name this worker as `place.pid.start`: no other process, past or present, has that name.

    Processes that a worker forks for its pool inherit its name.
    """
    return f"{_place()}.{os.getpid()}.{_started(os.getpid())}"


@worker_init.connect
def _name_main_process(**_: object) -> None:
    process.cache_clear()
    process()


def is_dead(owner: str) -> bool:
    """Whether nothing is left of the worker that holds something as `owner`, for certain.

    False for one on another machine, of another boot, or in another container: there a process
    can't be looked for, and its leases lapse soon enough.
    """
    place, _, rest = owner.partition("/")[2].partition("/")[0].partition(".")
    pid, _, start = rest.partition(".")
    if place != _place() or not pid.isdigit():
        return False
    return not _runs(int(pid), start)


def _runs(pid: int, start: str) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True  # another user's, of which we are told nothing more
    return _started(pid) == start


@lru_cache(maxsize=1)
def _place() -> str:
    """Name what process numbers are counted in: this boot of this machine, this container."""
    boot = _read(Path("/proc/sys/kernel/random/boot_id"))
    try:
        space = str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        space = ""
    return hashlib.blake2b(f"{boot} {space}".encode(), digest_size=6).hexdigest()


def _started(pid: int) -> str:
    """Tell when a process started, in clock ticks after the boot; "" when it runs no more."""
    fields = _read(Path(f"/proc/{pid}/stat")).rpartition(")")[2].split()
    return fields[19] if len(fields) > 19 and fields[0] not in _ENDED else ""  # noqa: PLR2004


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""
