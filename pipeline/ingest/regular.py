"""Open a file only if it is one: no folder, pipe or device, whatever took its name meanwhile."""

from __future__ import annotations

import errno
import os
import stat
from typing import TYPE_CHECKING, BinaryIO, cast

if TYPE_CHECKING:
    from pathlib import Path


def open_regular(path: Path | str, *, follow: bool = False) -> BinaryIO:
    """Open the regular file for reading, unbuffered; a link only when asked to `follow`.

    Never waits, as opening a pipe would. Raises `OSError`, with EINVAL for what is no regular
    file and ELOOP for a link.
    """
    links = 0 if follow else os.O_NOFOLLOW
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | links)
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise OSError(errno.EINVAL, "it is not a regular file", str(path))
    return cast("BinaryIO", os.fdopen(handle, "rb", buffering=0))
