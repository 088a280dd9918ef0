"""Change boxes of the ISO base media format in place, with the sizes of all around them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

HEAD = 8


def box(name: bytes, data: bytes) -> bytes:
    return (len(data) + HEAD).to_bytes(4, "big") + name + data


def changed(data: bytes, path: str, change: Callable[[bytes], bytes]) -> bytes:
    """Change what is in every box at a path like `moov/trak/mdia`; all others stay as they are."""
    first, _, rest = path.partition("/")
    made, at = b"", 0
    while at + HEAD <= len(data):
        size, name = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8]
        inner = data[at + HEAD : at + size]
        if name == first.encode():
            inner = changed(inner, rest, change) if rest else change(inner)
        made += box(name, inner)
        at += size
    return made
