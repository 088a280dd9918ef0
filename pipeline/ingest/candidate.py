"""Which files of a watched folder are media to ingest: a pure decision by name."""

from __future__ import annotations

import logging
import os
from fnmatch import fnmatch
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipeline.settings.pipeline import WatchFolder

logger = logging.getLogger(__name__)

#: Names that browsers, copy tools and editors give to files they are still writing.
UNFINISHED = ("*.part", "*.partial", "*.crdownload", "*.download", "*.tmp", "*.filepart", "*~")


def is_candidate(relative: PurePath, folder: WatchFolder) -> bool:
    """Whether a file at `relative` (below the watched folder) is one to ingest.

    Hidden files and folders, unfinished downloads and what the entry ignores are not; neither is
    a file whose extension the entry does not list.
    """
    if any(part.startswith(".") for part in relative.parts):
        return False
    name = relative.name
    if any(fnmatch(name.lower(), pattern) for pattern in UNFINISHED):
        return False
    if any(fnmatch(name, pattern) or fnmatch(str(relative), pattern) for pattern in folder.ignore):
        return False
    return relative.suffix.lower() in folder.extensions


def candidates(folder: WatchFolder) -> Iterator[Path]:
    """Walk the watched folder for files to ingest, in order of name; links are not followed.

    What can't be read is logged and passed over: it keeps no other file from being found.
    """
    for root, folders, files in os.walk(folder.path, onerror=_passed_over):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            path = Path(root, name)
            if is_candidate(path.relative_to(folder.path), folder) and _is_file(path):
                yield path


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError as problem:
        _passed_over(problem)
        return False


def _passed_over(problem: OSError) -> None:
    logger.warning("%s is passed over: %s", problem.filename, problem.strerror)
