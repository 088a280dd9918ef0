"""What makes two files the same: their content, all of it."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

#: Bytes read at a time: large enough for disks and shares, small enough to share a machine.
CHUNK = 1 << 20


def fingerprint(path: Path, on_chunk: Callable[[], object] | None = None) -> str:
    """Hash the whole file with BLAKE2b-256: 64 hexadecimal digits. Raises `OSError`.

    `on_chunk` is called after each mebibyte, and may raise to stop it.

    The whole file, not samples of it: two takes of one camera can agree in size and in every
    sample, and mistaking one for the other would lose it.
    """
    digest = hashlib.blake2b(digest_size=32)
    with path.open("rb", buffering=0) as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
            if on_chunk is not None:
                on_chunk()
    return digest.hexdigest()
