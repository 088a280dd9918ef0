"""What must be on the disk before something else is said or done: files, and the names of them."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


def make_durably(folder: Path) -> None:
    """Make a folder and those above it; each new one's name is on the disk before this returns.

    Raises `OSError`.
    """
    if folder.is_dir():
        return
    make_durably(folder.parent)
    folder.mkdir(exist_ok=True)
    flush(folder.parent)


def flush_all(paths: Iterable[Path]) -> None:
    """Force files to disk, and folders with all that is in them. Raises `OSError`."""
    for path in paths:
        for inner in sorted(path.rglob("*")) if path.is_dir() else ():
            flush(inner)
        flush(path)


def flush(path: Path) -> None:
    """Force a file or a folder's entries to disk. Raises `OSError`.

    Where a file system knows no such thing of folders, their entries are its own affair.
    """
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError as problem:
        if problem.errno != errno.EINVAL or not path.is_dir():
            raise
    finally:
        os.close(handle)
