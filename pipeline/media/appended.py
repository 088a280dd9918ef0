"""Appended: a further recording behind the first in one file, which tools pass over in silence.

That is what becomes of files that were joined by putting their bytes one behind the other. Only
broadcasts, raw streams, MP3 and songs in Ogg are made for that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.media.content import ASF, FIRST_BOXES, HEAD, opened
from pipeline.media.extent import (
    MATROSKA,
    MOST_PARTS,
    OGG,
    OGG_HEAD,
    PART_HEAD,
    announced_bytes,
    box_bytes,
    end_of_gif,
)
from pipeline.plan.source import LEAPING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import BinaryIO

    from pipeline.media.packets import Packets

#: How files begin that say how long they are: RIFF, AIFF, Wave64, FLV, ASF, Matroska.
SIZED = (b"RIFF", b"FORM", b"riff", b"FLV", ASF, MATROSKA)
#: How others begin, as long as it takes to be found nowhere else: FLAC (RFC 9639), True Audio.
MARKED = (b"fLaC\x00\x00\x00\x22", b"TTA1\x01\x00")
#: How a block of WavPack begins, its head, and where in that its number is.
WAVPACK, WAVPACK_HEAD, WAVPACK_NUMBER = b"wvpk", 32, slice(16, 20)
#: How a tag of APE begins, and how long that head is, which its size leaves out.
APE, APE_HEAD = b"APETAGEX", 32
#: The flag of a stream's first page of Ogg (RFC 3533).
OGG_FIRST = 0x02
#: Packets that lie over others for longer than this were given a time that is not theirs, seconds.
BESIDE_S = 0.5
#: As much of a file is searched at a time, bytes.
PIECE = 16 << 20


def appended_at(path: Path, *, film: bool) -> int | None:
    """Give the byte where a further recording begins, None where there is none to be missed.

    Of Ogg only a `film` ends with its first recording. Raises `OSError`.
    """
    with opened(path) as file:
        head = file.read(HEAD)
        for begin in SIZED:
            if head.startswith(begin):
                return _behind(file, announced_bytes(path), begin)
        for mark in MARKED:
            if head.startswith(mark):
                return _found(file, mark)
        if head.startswith(b"GIF8"):
            return _behind(file, end_of_gif(file), b"GIF8")
        if head[4:8] in FIRST_BOXES:
            return _second(at for at, name in _boxes(file) if name == b"moov")
        if head.startswith(WAVPACK):
            return _second(_wavpack_begins(file))
        return _ogg_begins(file) if film and head.startswith(OGG) else None


def said_of_appended(
    path: Path, container: str, packets: Packets, *, film: bool
) -> tuple[str, ...]:
    """Say so where a further recording follows, and nothing, or too much, was read of it.

    `packets` are those of the picture, or of the sound where there is none. Raises `OSError`.
    """
    at = appended_at(path, film=film)
    read = at is not None and packets.last_place > at
    if at is None or (read and (container in LEAPING or not _again(packets))):
        return ()
    used = "only the first comes out right" if read else "only the first is used"
    return (f"a further recording was appended at byte {at}: {used}",)


def _again(packets: Packets) -> bool:
    """Whether the clock begins again in the midst, so that parts lie over each other."""
    return packets.length_s > (packets.end_s or 0.0) - (packets.first_s or 0.0) + BESIDE_S


def _behind(file: BinaryIO, at: int | None, begin: bytes) -> int | None:
    """Give the place if the same kind of file begins there again; one byte may fill it up."""
    for place in () if at is None else (at, at + 1):
        file.seek(place)
        if file.read(len(begin)) == begin:
            return place
    return None


def _found(file: BinaryIO, mark: bytes) -> int | None:
    begins, rest = 1, b""
    file.seek(begins)
    while piece := file.read(PIECE):
        data = rest + piece
        at = data.find(mark)
        if at >= 0:
            return begins + at
        rest = data[1 - len(mark) :]
        begins += len(data) - len(rest)
    return None


def _second(places: Iterator[int]) -> int | None:
    next(places, None)
    return next(places, None)


def _boxes(file: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """Give place and name of each box of an MP4."""
    at = 0
    for _ in range(MOST_PARTS):
        file.seek(at)
        head = file.read(PART_HEAD)
        length = box_bytes(head)
        if length is None:
            return
        yield at, head[4:8]
        at += length


def _wavpack_begins(file: BinaryIO) -> Iterator[int]:
    """Give the place of each block with the first samples of a recording."""
    at, before = 0, 1
    for _ in range(MOST_PARTS):
        file.seek(at)
        head = file.read(WAVPACK_HEAD)
        if head.startswith(APE):
            at += APE_HEAD + int.from_bytes(head[12:16], "little")
            continue
        if not head.startswith(WAVPACK):
            return
        number = int.from_bytes(head[WAVPACK_NUMBER], "little")
        if number == 0 < before:
            yield at
        at, before = at + 8 + int.from_bytes(head[4:8], "little"), number


def _ogg_begins(file: BinaryIO) -> int | None:
    """Give the place of the first page of a stream that begins behind others' data."""
    at, begun = 0, False
    for _ in range(MOST_PARTS):
        file.seek(at)
        head = file.read(OGG_HEAD)
        if len(head) < OGG_HEAD or not head.startswith(OGG):
            return None
        if begun and head[5] & OGG_FIRST:
            return at
        begun |= not head[5] & OGG_FIRST
        at += OGG_HEAD + head[26] + sum(file.read(head[26]))
    return None
