"""Unread: what tools say when a disk or share refuses, which says nothing of what is on it."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

#: How the system answers when what is there can't be read now: from here, perhaps.
_REFUSALS = {os.strerror(number): number for number in (errno.EIO, errno.ESTALE)}


def check_disk(log: str, path: Path) -> None:
    """Raise `OSError` when a tool that worked on `path` met a disk or share that refuses."""
    for words, number in _REFUSALS.items():
        if words in log:
            raise OSError(number, words, str(path))
