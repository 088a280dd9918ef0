"""What makes two files the same: their content, all of it."""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING, BinaryIO

from pipeline.history.known import APART
from pipeline.ingest.regular import open_regular

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

#: Bytes read at a time: large enough for disks and shares, small enough to share a machine.
CHUNK = 1 << 20


def fingerprint(
    path: Path | str, on_chunk: Callable[[], object] | None = None, *, follow: bool = True
) -> str:
    """Hash the whole file with BLAKE2b-256: 64 hexadecimal digits. Raises `OSError`.

    `on_chunk` is called after each mebibyte, and may raise to stop it. Nothing but a regular file
    is read, and without `follow` no link to one: what lay there a moment ago may be replaced.

    The whole file, not samples of it: two takes of one camera can agree in size and in every
    sample, and mistaking one for the other would lose it.
    """
    return _hash(path, None, on_chunk, follow=follow)[0]


def fingerprints(path: Path, first: int) -> tuple[str, str]:
    """Hash the whole file, and its `first` bytes: of a file that has grown, what it was before.

    Raises `OSError`.
    """
    return _hash(path, first, None, follow=False)


def _hash(
    path: Path | str, first: int | None, on_chunk: Callable[[], object] | None, *, follow: bool
) -> tuple[str, str]:
    with open_regular(path, follow=follow) as file:
        before = os.fstat(file.fileno())
        read = _hash_of(file, first, on_chunk)
        after = os.fstat(file.fileno())
        same = (before.st_size, before.st_mtime_ns) == (after.st_size, after.st_mtime_ns)
        if same and before.st_ctime_ns != after.st_ctime_ns:
            # Written to meanwhile, maybe, in a way that only this shows: as it is now it is whole.
            file.seek(0)
            read = _hash_of(file, first, on_chunk)
    return read


def _hash_of(
    file: BinaryIO, first: int | None, on_chunk: Callable[[], object] | None
) -> tuple[str, str]:
    digest = hashlib.blake2b(digest_size=32)
    part, left = "", first
    while chunk := file.read(CHUNK if not left else min(CHUNK, left)):
        digest.update(chunk)
        if left is not None:
            left -= len(chunk)
            if left == 0:
                part, left = digest.hexdigest(), None
        if on_chunk is not None:
            on_chunk()
    return digest.hexdigest(), part


def content_of(kept: str) -> str:
    """Give the content's fingerprint out of one that is kept with a job."""
    return kept.partition(APART)[0]


def set_apart(content: str, path: Path, mtime_ns: int, inode: int) -> str:
    """Make a fingerprint that this very file of the content has alone."""
    told = f"{path}\0{mtime_ns}\0{inode}".encode("utf-8", "surrogateescape")
    return f"{content}{APART}{hashlib.sha256(told).hexdigest()[:32]}"
