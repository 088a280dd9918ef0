"""Which files of a watched folder are media to ingest: a pure decision by name."""

from __future__ import annotations

import os
from fnmatch import fnmatch
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipeline.settings.pipeline import WatchFolder

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
    """Walk the watched folder for files to ingest, in order of name; links are not followed."""
    for root, folders, files in os.walk(folder.path):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            path = Path(root, name)
            if is_candidate(path.relative_to(folder.path), folder) and path.is_file():
                yield path
