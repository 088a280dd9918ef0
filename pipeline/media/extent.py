"""Extent: where a file ends by what its container says, and what of it is not there.

Raw streams (ADTS, MP3 without a count of its frames, H.264) and MPEG transport and program streams
say nothing of it: such a file ends where it ends.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from pipeline.media.content import ASF, FIRST_BOXES, HEAD, opened

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import BinaryIO

#: How far a file's own idea of its size may be off without anything missing, bytes.
ROUGH_BYTES = 1024
#: Where ASF (WMV, WMA) tells how long the file is: the File Properties Object, and whether it was
#: made live and does not know.
ASF_PROPERTIES = bytes.fromhex("A1DCAB8C47A9CF118EE400C00C205365")
#: Sizes of a RIFF or AIFF from here on mean that it did not know it, or has outgrown it: tools that
#: write to a pipe put the largest number there, signed or unsigned, with or without what comes
#: before.
UNKNOWN_SIZE = 0x7FFFFF00
#: How Sony's Wave64 begins, and the same for sizes of eight bytes.
W64 = b"riff\x2e\x91\xcf\x11\xa5\xd6\x28\xdb\x04\xc1\x00\x00"
UNKNOWN_LONG = 1 << 62
#: How FLV's metadata names the size of the file, and the number behind it.
FLV_SIZE = b"filesize\x00"
#: The longest page of an Ogg file, its head and the flag of a stream's last one (RFC 3533).
OGG, OGG_PAGE, OGG_HEAD, OGG_LAST = b"OggS", 65_307, 27, 0x04
#: What begins a block of a GIF: a picture, an extension, the end.
GIF_PICTURE, GIF_EXTENSION, GIF_END = 0x2C, 0x21, 0x3B
#: More chunks, boxes or blocks than a file of hours has: whoever has more wants us to look forever.
MOST_PARTS = 2_000_000
MOST_PICTURES = 100_000
#: As many bytes tell how long a box or a chunk is.
PART_HEAD = 16
#: How Matroska begins.
MATROSKA = b"\x1aE\xdf\xa3"
#: Names of Matroska's elements: the one around everything, what it tells of itself, how long it
#: is, and where pictures and sound begin.
SEGMENT, INFO, DURATION, CLUSTER = 0x18538067, 0x1549A966, 0x4489, 0x1F43B675


def missing_end(path: Path) -> str:
    """Say what a file lacks of what it says it is, "" where it is all there or says nothing.

    Raises `OSError`.
    """
    size = path.stat().st_size
    with opened(path) as file:
        head = file.read(HEAD)
        if head.startswith(OGG):
            return _ogg(file, size)
        if head.startswith(b"GIF8"):
            return _gif(file, size)
        whole = _announced(file, head, size) or 0
    exact = head[4:8] in FIRST_BOXES or head.startswith(MATROSKA)
    rough = 0 if exact else ROUGH_BYTES
    return f"it breaks off after {size} of its {whole} bytes" if size < whole - rough else ""


def announced_bytes(path: Path) -> int | None:
    """Give how long a file of one of many containers says it is, else None. Raises `OSError`."""
    with opened(path) as file:
        return _announced(file, file.read(HEAD), path.stat().st_size)


def _announced(file: BinaryIO, head: bytes, size: int) -> int | None:
    if head[4:8] in FIRST_BOXES:
        return _end_of_parts(file, size, 0, box_bytes)
    if head.startswith(MATROSKA):
        return _Matroska(file).end
    if head.startswith(b"caff"):
        return _end_of_parts(file, size, 8, _caf_chunk)
    if head.startswith(b"RIFF") and head[8:12] in (b"WAVE", b"WEBP"):
        return _known(int.from_bytes(head[4:8], "little"), 8, UNKNOWN_SIZE)
    if head.startswith(b"FORM") and head[8:12] in (b"AIFF", b"AIFC"):
        return _known(int.from_bytes(head[4:8], "big"), 8, UNKNOWN_SIZE)
    if head.startswith(W64):
        return _known(int.from_bytes(head[16:24], "little"), 0, UNKNOWN_LONG)
    if head.startswith(b"FLV") and FLV_SIZE in head:
        return int(_double(head, head.find(FLV_SIZE) + len(FLV_SIZE))) or None
    place = head.find(ASF_PROPERTIES)
    if not head.startswith(ASF) or not 0 <= place <= HEAD - 92:
        return None
    live = head[place + 88] & 1
    return None if live else int.from_bytes(head[place + 40 : place + 48], "little") or None


def tells_duration(path: Path) -> bool:
    """Whether a Matroska file says how long it lasts: one made live does not. Raises `OSError`."""
    with opened(path) as file:
        return _Matroska(file).timed


def _known(size: int, before: int, unknown: int) -> int | None:
    return size + before if 0 < size < unknown else None


def _double(data: bytes, at: int) -> float:
    found = struct.unpack(">d", data[at : at + 8].ljust(8, b"\0"))[0]
    return float(found) if 0 <= found < UNKNOWN_LONG else 0.0


def _end_of_parts(
    file: BinaryIO, size: int, at: int, length_of: Callable[[bytes], int | None]
) -> int | None:
    """Give where the last part of a file ends, the first being at `at`.

    `length_of` reads a part's length off its head. None where one has none: it is no part, or goes
    on to the end.
    """
    for _ in range(MOST_PARTS):
        if at >= size:
            return at
        file.seek(at)
        length = length_of(file.read(PART_HEAD))
        if length is None:
            return None
        at += length
    return None


def box_bytes(head: bytes) -> int | None:
    """Read the length of an MP4's box off its first `PART_HEAD` bytes; None where it is none."""
    length, least = int.from_bytes(head[:4], "big"), 8
    if length == 1:
        length, least = int.from_bytes(head[8:], "big"), 16
    return length if length >= least and head[4:8].isalnum() else None


def _caf_chunk(head: bytes) -> int | None:
    """Read the length of a Core Audio file's chunk."""
    length = int.from_bytes(head[4:12], "big", signed=True)
    return len(head[:12]) + length if length >= 0 and head[:4].isalnum() else None


class _Matroska:
    """What the beginning of a Matroska file says: where it ends, and whether how long it lasts."""

    def __init__(self, file: BinaryIO) -> None:
        self.end: int | None = None
        self.timed = False
        file.seek(0)
        _, size = _element(file)
        file.seek(size or 0, 1)
        name, size = _element(file)
        if name != SEGMENT:
            return
        self.end = None if size is None else file.tell() + size
        for _ in range(MOST_PARTS):
            name, size = _element(file)
            if name in (None, CLUSTER) or size is None:
                return
            begun = file.tell()
            if name == INFO:
                self.timed |= self._tells_duration(file, begun + size)
            file.seek(begun + size)

    @staticmethod
    def _tells_duration(file: BinaryIO, end: int) -> bool:
        for _ in range(MOST_PARTS):
            name, size = _element(file)
            if name == DURATION:
                return True
            if name is None or size is None or file.seek(size, 1) >= end:
                break
        return False


def _element(file: BinaryIO) -> tuple[int | None, int | None]:
    """Read an element's name and size; no name at the end, no size where that is not known."""
    name, size = _number(file, marked=True), _number(file, marked=False)
    return (None, None) if name is None else (name, size)


def _number(file: BinaryIO, *, marked: bool) -> int | None:
    """Read a number of EBML (RFC 8794): the first byte's zeros tell how many follow."""
    first = file.read(1)
    if not first or not first[0]:
        return None
    more = 8 - first[0].bit_length()
    data = first + file.read(more)
    value, bits = int.from_bytes(data, "big"), 7 * (more + 1)
    if marked:
        return value
    value &= (1 << bits) - 1
    return None if value == (1 << bits) - 1 else value


def _ogg(file: BinaryIO, size: int) -> str:
    """Look at the last page of an Ogg file: it must be whole, and say that it is the last."""
    file.seek(max(0, size - OGG_PAGE - OGG_HEAD))
    tail = file.read()
    place = tail.rfind(OGG)
    page = tail[place:]
    if place < 0:
        return "its end is no page of Ogg"
    if len(page) < OGG_HEAD or len(page) < OGG_HEAD + page[26]:
        return "it breaks off within the head of a page"
    whole = OGG_HEAD + page[26] + sum(page[OGG_HEAD : OGG_HEAD + page[26]])
    if len(page) < whole:
        return f"it breaks off within a page, of whose {whole} bytes {len(page)} are there"
    return "" if page[5] & OGG_LAST else "its last page does not say that it is the last"


def _gif(file: BinaryIO, size: int) -> str:
    """Say whether the end of a GIF is there: the block that marks it."""
    if end_of_gif(file) is None:
        return f"it breaks off after {size} bytes: its end is not marked"
    return ""


def end_of_gif(file: BinaryIO) -> int | None:
    """Go through the blocks of a GIF up to the one that ends it; give its place, None for none."""
    file.seek(10)
    flags = file.read(3)[:1]
    file.seek(13 + _palette(flags))
    for _ in range(MOST_PICTURES):
        kind = file.read(1)
        if not kind:
            return None
        if kind[0] == GIF_END:
            return file.tell()
        if kind[0] == GIF_PICTURE:
            file.seek(_palette(file.read(9)[8:]) + 1, 1)
        elif kind[0] == GIF_EXTENSION:
            file.seek(1, 1)
        elif kind[0]:
            return file.tell()  # something else lies here, which is damage
        else:
            continue
        _pass_blocks(file)
    return file.tell()


def _pass_blocks(file: BinaryIO) -> None:
    """Go past the data of a picture or an extension: blocks, of which the last is empty."""
    for _ in range(MOST_PARTS):
        length = file.read(1)
        if not length or not length[0]:
            return
        file.seek(length[0], 1)


def _palette(flags: bytes) -> int:
    """Count the bytes of the palette that these flags announce."""
    return 3 << (flags[0] & 7) + 1 if flags and flags[0] & 0x80 else 0
