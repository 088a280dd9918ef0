"""Exchange the names of two folders: at once, or so that who is killed loses neither."""

from __future__ import annotations

import ctypes
import errno
import os
import shutil
from functools import lru_cache
from pathlib import Path
from typing import Any

from pipeline.durability import flush, flush_all

#: From Linux's headers: paths are taken from the current folder; names are exchanged.
AT_FDCWD = -100
RENAME_EXCHANGE = 2
#: What a kernel or a file system says that has no such thing (network shares, most often).
UNKNOWN = {errno.ENOSYS, errno.EINVAL, errno.ENOTSUP}
#: What the name of a folder ends in that holds, for a moment, one that is away from its place.
ASIDE = ".aside"
#: What is in it: that folder, and before it the path of its place.
AWAY = "folder"
PLACE = "place"


def exchange(one: Path, other: Path) -> None:
    """Give each of two folders of one file system the other's name. Raises `OSError`.

    Where the system can't do it at once, it takes three renames, and `other` is away for a moment.
    Who is killed then leaves it beside `one`, in a folder of that name and `ASIDE`: see `put_back`.
    """
    rename = _renameat2()
    if rename is not None:
        if not rename(AT_FDCWD, os.fsencode(one), AT_FDCWD, os.fsencode(other), RENAME_EXCHANGE):
            return
        number = ctypes.get_errno()
        if number not in UNKNOWN:
            raise OSError(number, os.strerror(number), str(one), None, str(other))
    _exchange_by_renames(one, other)


def _exchange_by_renames(one: Path, other: Path) -> None:
    aside = one.with_name(f"{one.name}{ASIDE}")
    aside.mkdir(exist_ok=True)
    (aside / PLACE).write_bytes(os.fsencode(other))
    flush_all([aside])
    flush(aside.parent)
    try:
        other.rename(aside / AWAY)
        one.rename(other)
        (aside / AWAY).rename(one)
    except OSError:
        put_back(aside)
        raise
    shutil.rmtree(aside)


def put_back(aside: Path) -> None:
    """Give a folder that is away its place again, unless another one has taken that.

    Raises `OSError`; then it is still where it was.
    """
    try:
        place = Path(os.fsdecode((aside / PLACE).read_bytes()))
    except FileNotFoundError:
        return  # nothing had been moved yet
    if (aside / AWAY).is_dir() and not os.path.lexists(place):
        (aside / AWAY).rename(place)
        flush(place.parent)


@lru_cache(maxsize=1)
def _renameat2() -> Any:
    """Find the C library's function; None where there is none (an old musl)."""
    return getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
