"""AVI: where its sound pauses.

Its chunks have no times: each follows the one before. Where a sound whose chunks are all as long
begins late or pauses, empty ones are written for that time (Microsoft's "AVI RIFF File Reference"
has them as dropped frames), and ffmpeg passes over those.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, NamedTuple

from pipeline.media.content import opened
from pipeline.media.extent import MOST_PARTS
from pipeline.plan.source import Pause

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import BinaryIO

    from pipeline.plan.source import AudioStream

#: Name and length of a chunk; a list's own name follows.
HEAD, NAME = 8, 4
#: Where the header of a stream tells the length of a chunk, in seconds a fraction, and of a sample
#: in bytes: 0 where all chunks are as long, however many bytes they have.
TICKS, SAMPLE_SIZE = slice(20, 28), slice(44, 48)
#: An entry of the index: the chunk's name, flags, its place and its length.
ENTRY = struct.Struct("<4sIII")
#: As much of an index is read, bytes: more than twelve hours need.
MOST_INDEX = 1 << 26
#: A sound with more pauses than this is not late but torn, and nobody can say what was meant.
MOST_PAUSES = 100


class _Sound(NamedTuple):
    number: int
    chunk_s: float


def with_pauses(
    path: Path, tracks: tuple[AudioStream, ...], most_s: float
) -> tuple[AudioStream, ...]:
    """Tell of each sound of an AVI where it pauses. Raises `OSError`.

    One that pauses for longer than `most_s` in all, seconds, has a header that is not to be
    believed, and pauses nowhere: ffmpeg would fill the memory with silence.
    """
    with opened(path) as file:
        found = {sound.number: sound.chunk_s for sound in _sounds(file)}
        index = _index(file) if found else b""
    return tuple(
        one.model_copy(update={"pauses": _pauses(index, one.index, found[one.index], most_s)})
        if one.index in found
        else one
        for one in tracks
    )


def _chunks(file: BinaryIO, at: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Give name, beginning and end of each chunk; of a list, its own name."""
    for _ in range(MOST_PARTS):
        file.seek(at)
        head = file.read(HEAD + NAME)
        if at + HEAD > end or len(head) < HEAD:
            return
        begin, length = at + HEAD, int.from_bytes(head[NAME:HEAD], "little")
        yield (head[HEAD:] if head.startswith(b"LIST") else head[:NAME]), begin, begin + length
        at = begin + length + length % 2


def _inside(file: BinaryIO) -> Iterator[tuple[bytes, int, int]]:
    file.seek(0)
    head = file.read(HEAD + NAME)
    if head.startswith(b"RIFF") and head.endswith(b"AVI "):
        yield from _chunks(file, len(head), HEAD + int.from_bytes(head[NAME:HEAD], "little"))


def _sounds(file: BinaryIO) -> Iterator[_Sound]:
    """Find the sounds whose chunks are all as long."""
    for name, begin, end in _inside(file):
        if name != b"hdrl":
            continue
        streams = [part for part in _chunks(file, begin + NAME, end) if part[0] == b"strl"]
        for number, (_, first, last) in enumerate(streams):
            header = next((part for part in _chunks(file, first + NAME, last)), None)
            if header is None or header[0] != b"strh":
                continue
            file.seek(header[1])
            told = file.read(SAMPLE_SIZE.stop)
            if len(told) < SAMPLE_SIZE.stop or not told.startswith(b"auds"):
                continue
            scale, rate = struct.unpack("<II", told[TICKS])
            if scale and rate and not any(told[SAMPLE_SIZE]):
                yield _Sound(number, scale / rate)
        return


def _index(file: BinaryIO) -> bytes:
    for name, begin, end in _inside(file):
        if name == b"idx1":
            file.seek(begin)
            return file.read(min(end - begin, MOST_INDEX))
    return b""


def _pauses(index: bytes, number: int, chunk_s: float, most_s: float) -> tuple[Pause, ...]:
    """Find the runs of empty chunks that others follow."""
    name = b"%02dwb" % number
    whole = len(index) // ENTRY.size * ENTRY.size
    found: list[Pause] = []
    full = empty = 0
    for chunk, _, _, length in ENTRY.iter_unpack(index[:whole]):
        if chunk != name:
            continue
        if not length:
            empty += 1
            continue
        if empty and len(found) == MOST_PAUSES:
            return ()
        if empty:
            found.append(Pause(after_s=full * chunk_s, length_s=empty * chunk_s))
        full, empty = full + 1, 0
    return tuple(found) if sum(one.length_s for one in found) <= most_s else ()
