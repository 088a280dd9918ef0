"""Landlock: the kernel keeps a thread, and all it starts, to the files it was given.

The kernel's interface, as in landlock(7) and `linux/landlock.h`, by ctypes: what the package
registry has knows neither network nor scopes, which came with versions 4 and 6.
"""

from __future__ import annotations

import ctypes
import os
import stat
from enum import IntFlag
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

#: Numbers of the system calls, the same on all machines: they are younger than their common table.
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_ASK_VERSION = 1
_PATH_BENEATH = 1
_PR_SET_NO_NEW_PRIVS = 38

_libc = ctypes.CDLL(None, use_errno=True)


class Access(IntFlag):
    """What may be done to a file, or to what is in a folder."""

    EXECUTE = 1 << 0
    WRITE_FILE = 1 << 1
    READ_FILE = 1 << 2
    READ_DIR = 1 << 3
    REMOVE_DIR = 1 << 4
    REMOVE_FILE = 1 << 5
    MAKE_CHAR = 1 << 6
    MAKE_DIR = 1 << 7
    MAKE_REG = 1 << 8
    MAKE_SOCK = 1 << 9
    MAKE_FIFO = 1 << 10
    MAKE_BLOCK = 1 << 11
    MAKE_SYM = 1 << 12
    REFER = 1 << 13
    TRUNCATE = 1 << 14
    IOCTL_DEV = 1 << 15


READ = Access.READ_FILE | Access.READ_DIR
RUN = READ | Access.EXECUTE
#: A folder of one's own: files and folders come and go, but no devices, sockets or links.
OWN = (
    READ
    | Access.WRITE_FILE
    | Access.TRUNCATE
    | Access.MAKE_REG
    | Access.MAKE_DIR
    | Access.REMOVE_FILE
    | Access.REMOVE_DIR
    | Access.REFER
)
DEVICE = READ | Access.WRITE_FILE | Access.IOCTL_DEV
#: All that can be said of a single file.
_OF_FILES = (
    Access.EXECUTE | Access.WRITE_FILE | Access.READ_FILE | Access.TRUNCATE | Access.IOCTL_DEV
)
#: From which version on the kernel knows which rights.
_SINCE = {
    1: Access(Access.REFER - 1),
    2: Access.REFER,
    3: Access.TRUNCATE,
    5: Access.IOCTL_DEV,
}
#: No TCP either way (version 4); no abstract sockets of others, no signals to them (version 6).
NETWORK_SINCE, _TCP = 4, 0b11
_SCOPES_SINCE, _SCOPES = 6, 0b11


class _Ruleset(ctypes.Structure):
    _fields_ = (
        ("files", ctypes.c_uint64),
        ("network", ctypes.c_uint64),
        ("scopes", ctypes.c_uint64),
    )


class _PathBeneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = (("allowed", ctypes.c_uint64), ("folder", ctypes.c_int32))


@lru_cache(maxsize=1)
def version() -> int:
    """Ask the kernel for its version of Landlock; 0 where there is none, or it is turned off."""
    return max(int(_libc.syscall(_CREATE_RULESET, None, 0, _ASK_VERSION)), 0)


def handled(of_version: int) -> Access:
    """Give all rights that this version can take away."""
    return Access(sum(rights for since, rights in _SINCE.items() if since <= of_version))


def restrict(rules: Iterable[tuple[Path, Access]]) -> None:
    """Keep this thread, and what it starts from now on, to these files and folders for good.

    It also gains no rights by starting programs (`no_new_privs`). What is not there is passed
    over. Other threads of the process stay as they are. Raises `OSError`.
    """
    known = handled(version())
    ruleset = _Ruleset(
        files=known,
        network=_TCP if version() >= NETWORK_SINCE else 0,
        scopes=_SCOPES if version() >= _SCOPES_SINCE else 0,
    )
    made = _called(_CREATE_RULESET, ctypes.byref(ruleset), ctypes.sizeof(ruleset), 0)
    try:
        for path, access in rules:
            _allow(made, path, access & known)
        if _libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0):
            raise _error("prctl")
        _called(_RESTRICT_SELF, made, 0)
    finally:
        os.close(made)


def _allow(ruleset: int, path: Path, access: Access) -> None:
    try:
        opened = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return  # who may not come near it can't use it either
    try:
        if not stat.S_ISDIR(os.fstat(opened).st_mode):
            access &= _OF_FILES
        if access:
            rule = _PathBeneath(allowed=access, folder=opened)
            _called(_ADD_RULE, ruleset, _PATH_BENEATH, ctypes.byref(rule), 0)
    finally:
        os.close(opened)


def _called(number: int, *arguments: object) -> int:
    answer = int(_libc.syscall(ctypes.c_long(number), *arguments))
    if answer < 0:
        raise _error("Landlock")
    return answer


def _error(what: str) -> OSError:
    number = ctypes.get_errno()
    return OSError(number, f"{what}: {os.strerror(number)}")
