"""Naming: each worker of a machine has a name of its own, the same again when it is started anew.

Celery mixes up workers of one name: remote control reaches whichever hears it first, and Flower
shows one of them.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import itertools
import logging
import os
from typing import TYPE_CHECKING

from pipeline.stack.roles import node

if TYPE_CHECKING:
    from pathlib import Path

logger = logging.getLogger(__name__)

#: In the state folder; a byte of it is locked for each worker that runs, and nothing is written.
FILE = "workers.lock"
#: How the kernel says that another process has the lock (fcntl(2)).
_TAKEN = (errno.EACCES, errno.EAGAIN)
_opened: dict[Path, int] = {}


def own_node(state: Path, role: str) -> str:
    """Give the first free name of a worker of this role, for as long as this process lives.

    The kernel holds it for us, and frees it however we end: processes that we start don't have
    it. Where it can't, workers that run beside each other share the first name.
    """
    try:
        file = _open(state / FILE)
        names = (node(role, number) for number in itertools.count(1))
        return next(name for name in names if _lock(file, name))
    except OSError as problem:
        logger.warning("workers of this machine can't be told apart: %s", problem)
        return node(role)


def _lock(file: int, name: str) -> bool:
    """Lock the byte that stands for a name; no two names share one, as good as."""
    place = int.from_bytes(hashlib.blake2b(name.encode(), digest_size=6).digest())
    try:
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, place)
    except OSError as problem:
        if problem.errno in _TAKEN:
            return False
        raise
    return True


def _open(path: Path) -> int:
    """Open the file once a process: closing it anywhere would give up every lock."""
    if path not in _opened:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        _opened[path] = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    return _opened[path]
