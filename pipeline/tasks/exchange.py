"""Exchange the names of two folders: at no moment is either name without a folder."""

from __future__ import annotations

import ctypes
import errno
import os
from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

#: From Linux's headers: paths are taken from the current folder; names are exchanged.
AT_FDCWD = -100
RENAME_EXCHANGE = 2
#: What a kernel or a file system says that has no such thing (network shares, most often).
UNKNOWN = {errno.ENOSYS, errno.EINVAL, errno.ENOTSUP}


def exchange(one: Path, other: Path) -> None:
    """Give each of two folders of one file system the other's name. Raises `OSError`.

    Where the system can't do it at once, it takes three renames, and `other` is away for a moment.
    """
    rename = _renameat2()
    if rename is not None:
        if not rename(AT_FDCWD, os.fsencode(one), AT_FDCWD, os.fsencode(other), RENAME_EXCHANGE):
            return
        number = ctypes.get_errno()
        if number not in UNKNOWN:
            raise OSError(number, os.strerror(number), str(one), None, str(other))
    aside = one.with_name(f"{one.name}.aside")
    other.rename(aside)
    one.rename(other)
    aside.rename(one)


@lru_cache(maxsize=1)
def _renameat2() -> Any:
    """Find the C library's function; None where there is none (an old musl)."""
    return getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
