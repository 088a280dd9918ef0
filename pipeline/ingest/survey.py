"""Survey a folder: which regular files to ingest are in it, and what each was when looked at.

A file is taken for what it is itself: links are passed over, wherever they lead, and so are pipes,
sockets, devices and folders, whatever they are called.
"""

from __future__ import annotations

import logging
import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.history.known import Identity
from pipeline.ingest.candidate import COMPANIONS, Names, names_of
from pipeline.ingest.located import is_text
from pipeline.ingest.sidecar import SUFFIX, stamp

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipeline.settings.pipeline import WatchFolder

logger = logging.getLogger(__name__)

#: How many files are handed on at a time: enough for one question to the database to serve many,
#: few enough to be held in memory.
BATCH = 500


@dataclass(frozen=True, slots=True)
class Found:
    """A regular file to ingest, as it was when it was looked at.

    `changed_ns` is the time of the last change of anything about it, by the file's own system; it
    can't be set back as `mtime` can. `sidecar` is the stamp of its sidecar, "" without one.
    `marked` says that its marker is there; `downloading` that a companion tells of a writer.
    """

    path: str
    identity: Identity
    changed_ns: int
    sidecar: str = ""
    marked: bool = False
    downloading: bool = False


def survey(folder: WatchFolder, below: Path | None = None) -> Iterator[Found]:
    """Walk the watched folder, or the part of it at `below`, in order of name.

    What can't be read is logged and passed over: it keeps no other file from being found. Names
    that are not text are handed out too: see `pipeline.ingest.located.is_text`.
    """
    start = str(folder.path if below is None else below)
    names = names_of(folder.extensions, folder.ignore)
    prefix = len(str(folder.path).rstrip("/")) + 1
    waiting = [start]
    while waiting:
        place = waiting.pop()
        try:
            with os.scandir(place) as listing:
                entries = sorted(listing, key=lambda entry: entry.name)
        except OSError as problem:
            _passed_over(problem, place)
            continue
        folders = [one for one in entries if names.enters(one.name) and _is_folder(one)]
        waiting += [one.path for one in reversed(folders)]
        yield from _files(entries, names, folder.marker, prefix)


def look(path: Path, folder: WatchFolder) -> Found | None:
    """Look at one file; None when it is gone, or is nothing to ingest. Raises `OSError`."""
    names = names_of(folder.extensions, folder.ignore)
    relative = os.path.relpath(path, folder.path)
    if not names.takes(relative):
        return None
    try:
        found = path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    if not stat.S_ISREG(found.st_mode):
        return None
    marker = folder.marker
    return Found(
        str(path),
        Identity.of(found),
        found.st_ctime_ns,
        stamp(path, of_media=True),
        marked=marker is not None and is_marked(path, folder),
        downloading=any(os.path.lexists(f"{path}{ending}") for ending in COMPANIONS),
    )


def is_marked(path: Path, folder: WatchFolder) -> bool:
    """Whether the file is marked as whole; where its folder has no marker, every one is."""
    return folder.marker is None or any(map(os.path.lexists, markers(str(path), folder.marker)))


def enters(path: Path, folder: WatchFolder) -> bool:
    """Whether the folder at `path` is looked into: not where it, or one around it, is ignored."""
    names = names_of(folder.extensions, folder.ignore)
    return path.is_relative_to(folder.path) and all(
        map(names.enters, path.relative_to(folder.path).parts)
    )


def markers(path: str, marker: str) -> tuple[str, str]:
    """Name the files that mark this one as whole: `clip.mp4.ready` or `clip.ready`."""
    return path + marker, os.path.splitext(path)[0] + marker  # noqa: PTH122 - a thousand a second


def marked_by(path: Path, folder: WatchFolder) -> list[Path]:
    """List the media files that the marker at `path` speaks of; none when it is no marker."""
    if folder.marker is None or not path.name.endswith(folder.marker):
        return []
    named = path.with_name(path.name.removesuffix(folder.marker) or "-")
    names = names_of(folder.extensions, folder.ignore)
    candidates = [named, *(named.with_name(named.name + one) for one in folder.extensions)]
    found = [one for one in candidates if names.takes(os.path.relpath(one, folder.path))]
    return [one for one in found if os.path.lexists(one)]


def _files(
    entries: list[os.DirEntry[str]], names: Names, marker: str | None, prefix: int
) -> Iterator[Found]:
    there = {entry.name: entry for entry in entries}
    for entry in entries:
        name, path = entry.name, entry.path
        if not names.takes_file(name, path[prefix:]):
            continue
        try:
            if not entry.is_file(follow_symlinks=False):
                continue
            found = entry.stat(follow_symlinks=False)
            beside = there.get(name + SUFFIX)
            yield Found(
                path,
                Identity.of(found),
                found.st_ctime_ns,
                "" if beside is None else stamp(Path(beside.path)),
                marked=marker is not None and any(one in there for one in markers(name, marker)),
                downloading=any(name + ending in there for ending in COMPANIONS),
            )
        except FileNotFoundError:
            continue  # moved away since it was listed
        except OSError as problem:
            _passed_over(problem, path)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir(follow_symlinks=False)
    except OSError as problem:
        _passed_over(problem, entry.path)
        return False


def _passed_over(problem: OSError, path: str) -> None:
    logger.warning("%s is passed over: %s", problem.filename or path, problem.strerror)


def in_batches(found: Iterator[Found], size: int = BATCH) -> Iterator[list[Found]]:
    """Gather what a survey finds into lists of at most `size` files."""
    batch: list[Found] = []
    for one in found:
        batch.append(one)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch


#: Files that were refused for their name, and told about.
_refused: set[str] = set()


def has_usable_name(found: Found) -> bool:
    """Whether the file's name is text; one that is not is told about once, not at each look."""
    if found.path.isascii() or is_text(Path(found.path)):
        return True
    if found.path not in _refused:
        _refused.add(found.path)
        logger.warning("%s is left alone: its name is not UTF-8, rename it", found.path)
    return False
