"""Receiving a file into a folder: hidden until it is whole, and never over another file."""

from __future__ import annotations

import errno
import fcntl
import itertools
import logging
import os
import secrets
import shutil
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.durability import flush
from pipeline.errors import ReelworksError
from pipeline.ingest.source import NO_LINKS
from pipeline.settings.pipeline import UPLOADS

if TYPE_CHECKING:
    from collections.abc import Iterator

logger = logging.getLogger(__name__)

#: What the name of an unfinished upload begins with: the watcher passes over hidden files.
UNFINISHED = ".upload-"
#: An unfinished upload that nobody holds is left alone for so long, seconds: its holder may be
#: just about to lock it.
FRESH_S = 60
#: What a system answers when there is no room: on the disk, in the quota, for a file that large.
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class Unfinished:
    """A file that is being received. `publish` gives it its name; `discard` always, at the end.

    It is locked while it is held, so that what a killed server left behind can be told apart.
    Every method waits for the disk, and raises `ReelworksError`: `no_space` or `unwritable`.
    """

    def __init__(self, folder: Path, expected: int | None) -> None:
        """Begin in the folder, made if need be; `expected` is how many bytes shall come."""
        self.size = 0
        self._path = folder / f"{UNFINISHED}{secrets.token_hex(8)}"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            _require_room(folder, expected or 0)
            self._file = self._path.open("xb", buffering=0)
        except OSError as problem:
            raise _not_written(folder, problem) from problem
        with suppress(OSError):  # a file system without locks: then nothing is ever swept there
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def write(self, data: bytes) -> None:
        """Append the data."""
        rest = memoryview(data)
        try:
            while rest:
                rest = rest[self._file.write(rest) :]
        except OSError as problem:
            raise _not_written(self._path.parent, problem) from problem
        self.size += len(data)

    def publish(self, name: str) -> Path:
        """Give the file its name, or the next free one; it is on disk, whole, before it appears."""
        try:
            os.fsync(self._file.fileno())
            final = self._appear(name)
            flush(final.parent)
        except OSError as problem:
            raise _not_written(self._path.parent, problem) from problem
        return final

    def discard(self) -> None:
        """Let go of the file, and remove it unless it was published."""
        self._file.close()
        self._path.unlink(missing_ok=True)

    def _appear(self, name: str) -> Path:
        for target in _names(self._path.parent, name):
            try:
                self._take(target)
            except FileExistsError:
                continue
            return target
        raise AssertionError("names do not run out")

    def _take(self, name: Path) -> None:
        """Appear under this name. Raises `FileExistsError` when another file has it."""
        try:
            name.hardlink_to(self._path)
        except OSError as problem:
            if problem.errno not in NO_LINKS:
                raise
            # A file system without links: an empty file of our own holds the name until we have it.
            name.touch(exist_ok=False)
            self._path.replace(name)


def sweep(folder: Path) -> int:
    """Remove what uploads to a server that was killed left in the folder; returns how many."""
    removed = 0
    for path in _left_behind(folder) if folder.is_dir() else ():
        try:
            if time.time() - path.stat().st_mtime < FRESH_S:
                continue
            with path.open("rb") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                path.unlink()
        except OSError as problem:  # somebody is writing it, or has just removed it
            logger.debug("%s is left alone: %s", path, problem)
            continue
        removed += 1
    return removed


def _left_behind(folder: Path) -> Iterator[Path]:
    yield from folder.glob(f"{UNFINISHED}*")
    yield from (folder / UPLOADS).glob(f"*/{UNFINISHED}*")


def _names(folder: Path, name: str) -> Iterator[Path]:
    yield folder / name
    stem, suffix = Path(name).stem, Path(name).suffix
    for count in itertools.count(2):
        yield folder / f"{stem} ({count}){suffix}"


def _require_room(folder: Path, size: int) -> None:
    if size > shutil.disk_usage(folder).free:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _not_written(folder: Path, problem: OSError) -> ReelworksError:
    if problem.errno in FULL:
        return ReelworksError(
            "no_space",
            f"There is no room for the upload in {folder}.",
            "Free some space there, or watch a folder on a larger disk.",
        )
    return ReelworksError(
        "unwritable",
        f"The upload can't be written to {folder}: {problem.strerror}.",
        "Give the user that runs Reelworks the right to write there.",
    )
