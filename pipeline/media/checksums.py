"""Checksums: what an output folder holds, so that anybody can tell later whether it still does.

SHA-256, because `sha256sum` is everywhere: a library can be checked without Reelworks.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

#: The job as it stood when its folder appeared, with the checksum of every other file in it.
JOB_FILE = "job.json"
#: Bytes read at a time.
CHUNK = 1 << 20

What = Literal["missing", "changed", "unreadable", "outside", "unexpected"]


class FileSum(BaseModel):
    """One file of an output folder: `path` relative to it, size in bytes, SHA-256 in hex."""

    model_config = ConfigDict(frozen=True)

    path: str
    bytes: int = Field(ge=0)
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")


@dataclass(frozen=True)
class Problem:
    """What is wrong with one file. `unexpected` is a file nobody recorded: it harms nothing."""

    path: str
    what: What
    detail: str = ""

    @property
    def harmful(self) -> bool:
        """Whether a result is not what was published."""
        return self.what != "unexpected"


@dataclass(frozen=True)
class Recorded:
    """What a folder's `job.json` says of it; `files` is None where it was made without sums."""

    job_id: str
    files: tuple[FileSum, ...] | None


class NotRecorded(Exception):
    """The folder has no `job.json` that can be read; the text says why."""


def sums(folder: Path) -> list[FileSum]:
    """Read every file below the folder but its `job.json`, in order of path. Raises `OSError`."""
    return [
        FileSum(path=path, bytes=(folder / path).stat().st_size, sha256=sha256(folder / path))
        for path in _listed(folder)
        if path != JOB_FILE
    ]


def sha256(path: Path) -> str:
    """Hash a file, never one behind a link. Raises `OSError`."""
    digest = hashlib.sha256()
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    with os.fdopen(handle, "rb", buffering=0) as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def recorded(folder: Path) -> Recorded:
    """Read what was recorded when the folder was published. Raises `NotRecorded`."""
    try:
        said = json.loads((folder / JOB_FILE).read_bytes())
        files = said.get("files")
        found = None if files is None else tuple(FileSum.model_validate(one) for one in files)
        return Recorded(str(said["id"]), found)
    except OSError as problem:
        raise NotRecorded(f"{JOB_FILE} can't be read: {problem.strerror}") from problem
    except (ValueError, KeyError, TypeError, AttributeError, ValidationError) as problem:
        raise NotRecorded(f"{JOB_FILE} is not what Reelworks wrote") from problem


def compare(folder: Path, files: Iterable[FileSum]) -> Iterator[Problem]:
    """Read every recorded file again, and name what differs; then what nobody recorded."""
    known = {JOB_FILE}
    for one in files:
        known.add(one.path)
        problem = _check(folder, one)
        if problem is not None:
            yield problem
    for path in _listed(folder):
        if path not in known:
            yield Problem(path, "unexpected")


def _check(folder: Path, one: FileSum) -> Problem | None:
    parts = PurePosixPath(one.path).parts
    if not parts or ".." in parts or one.path.startswith("/"):
        return Problem(one.path, "outside", "it names no file of this folder")
    path = folder / one.path
    try:
        size = path.lstat().st_size
        if size != one.bytes:
            return Problem(one.path, "changed", f"{size} bytes in place of {one.bytes}")
        if sha256(path) != one.sha256:
            return Problem(one.path, "changed", "its content is another one")
    except (FileNotFoundError, NotADirectoryError):
        return Problem(one.path, "missing")
    except OSError as problem:
        return Problem(one.path, "unreadable", problem.strerror or str(problem))
    return None


def _listed(folder: Path) -> list[str]:
    """List what is below the folder, but folders, by path relative to it."""
    found = (path for path in folder.rglob("*") if path.is_symlink() or not path.is_dir())
    return sorted(path.relative_to(folder).as_posix() for path in found)
