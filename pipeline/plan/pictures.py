"""Pictures: the size of one that we made, read from its head, and whether it is whole."""

from __future__ import annotations

from pipeline.plan.preview import read_webp

#: How a JPEG begins and ends; and what begins a segment of it.
_BEGIN, _END, _MARK = b"\xff\xd8", b"\xff\xd9", 0xFF
#: Segments that tell the size, of every kind of JPEG (ITU-T T.81, table B.1).
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


def picture_size(data: bytes) -> tuple[int, int]:
    """Read the width and height of a JPEG or WebP, pixels.

    Raises `ValueError` when it is not a whole one of either kind.
    """
    if data.startswith(_BEGIN):
        return _jpeg_size(data)
    found = read_webp(data)
    return found.width, found.height


def _jpeg_size(data: bytes) -> tuple[int, int]:
    at, last = len(_BEGIN), len(data) - len(_END)
    if not data.endswith(_END):
        raise ValueError("it is not a whole JPEG")
    while at + 9 <= last and data[at] == _MARK:
        if data[at + 1] in _FRAMES:
            height, width = (int.from_bytes(data[at + n : at + n + 2]) for n in (5, 7))
            return width, height
        # A segment's length counts its own two bytes, but not those of its mark.
        at += 2 + int.from_bytes(data[at + 2 : at + 4])
    raise ValueError("it is a JPEG that tells no size")
