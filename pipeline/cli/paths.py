"""Paths that people name on the command line: a file that can be read, or a clear error."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from pipeline.errors import ReelworksError

if TYPE_CHECKING:
    from pathlib import Path


def is_folder(path: Path) -> bool:
    """Whether it is a folder. Raises `ReelworksError` (`no_such_file`) where that can't be seen."""
    try:
        return path.is_dir()
    except OSError as error:
        raise _unseen(path, error) from error


def must_be_file(path: Path) -> None:
    """Raise `ReelworksError`: `no_such_file`, or `not_a_file` for what is there but no file."""
    try:
        is_file = path.is_file()
    except OSError as error:
        raise _unseen(path, error) from error
    if is_file:
        return
    if os.path.lexists(path):
        raise ReelworksError(
            "not_a_file",
            f"{path} is not a regular file.",
            "Give the file itself: no folder, pipe, socket, device, or link that leads nowhere.",
        )
    raise ReelworksError("no_such_file", f"There is no file {path}.", "Check the name.")


def _unseen(path: Path, error: OSError) -> ReelworksError:
    return ReelworksError(
        "no_such_file",
        f"There is no file to be seen at {path}: {error.strerror}.",
        "Check the name, and who may read the folders above it.",
    )
