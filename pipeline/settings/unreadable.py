"""What keeps a file from being read, in words: it is not there, or it may not be read."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

NOT_THERE = "is not there"


def why_unreadable(file: Path) -> str:
    """Say what is wrong with a file that is to be read: `is not there`; empty for nothing.

    Raises nothing: below a folder without rights it `can't be read`, and the system's reason is
    told.
    """
    try:
        if not stat.S_ISREG(file.stat().st_mode):
            return NOT_THERE
        with file.open("rb"):
            return ""
    except (FileNotFoundError, NotADirectoryError):
        return NOT_THERE
    except OSError as error:
        return f"can't be read: {error.strerror}"


def is_there(path: Path) -> bool:
    """Tell whether there is something, as far as we may look; what we may not see is not there."""
    try:
        path.stat()
    except OSError:
        return False
    return True
