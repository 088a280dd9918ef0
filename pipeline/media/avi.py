"""AVI: where its sound pauses.

Its chunks have no times: each follows the one before. Where a sound whose chunks are all as long
begins late or pauses, empty ones are written for that time (Microsoft's "AVI RIFF File Reference"
has them as dropped frames), and ffmpeg passes over those.
"""

from __future__ import annotations

import math
import struct
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from pipeline.media.content import opened
from pipeline.media.extent import MOST_PARTS
from pipeline.plan.source import Pause

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path
    from typing import BinaryIO

    from pipeline.plan.source import AudioStream

#: Name and length of a chunk; a list's own name follows.
HEAD, NAME = 8, 4
#: Where the header of a stream tells the length of a chunk, in seconds a fraction, and of a sample
#: in bytes: 0 where all chunks are as long, however many bytes they have.
TICKS, SAMPLE_SIZE = slice(20, 28), slice(44, 48)
#: Where the form of a sound tells how many bytes a block has.
BLOCK = slice(12, 14)
#: Sounds of films, and fewer bits a second than any of them has.
LOUD, LEAST_BITS = frozenset({"ac3", "eac3", "dts", "truehd", "mlp"}), 24_000
#: An entry of the index: the chunk's name, flags, its place and its length.
ENTRY = struct.Struct("<4sIII")
#: As much of an index is read, bytes: more than twelve hours need.
MOST_INDEX = 1 << 26
#: How far sums of times may be off, seconds.
ROUGH_S = 1e-6
#: Kinds of streams, and how what wrote the file names itself where that is ffmpeg's library.
SOUND, PICTURE, FFMPEG = b"auds", b"vids", b"Lavf"
#: A sound with more pauses than this is not late but torn, and nobody can say what was meant.
MOST_PAUSES = 100


def with_pauses(
    path: Path, tracks: tuple[AudioStream, ...], most_s: float, delay_s: float = 0.0
) -> tuple[AudioStream, ...]:
    """Tell of each sound of an AVI where it pauses. Raises `OSError`.

    One that pauses for longer than `most_s` in all, seconds, has a header that is not to be
    believed, and pauses nowhere: ffmpeg would fill the memory with silence. `delay_s` is how much
    later than it is shown the picture comes out of its decoder.
    """
    with opened(path) as file:
        streams = list(_streams(file))
        heard = {one.number: one for one in streams if one.kind == SOUND}
        index = _index(file) if any(one.index in heard for one in tracks) else b""
        lead = _lead(index, streams) if index and _is_by_ffmpeg(file) else None
    return tuple(
        _in_time(one, heard[one.index], index, most_s, delay_s, lead) if one.index in heard else one
        for one in tracks
    )


def _in_time(
    track: AudioStream,
    stream: _Stream,
    index: bytes,
    most_s: float,
    delay_s: float,
    lead: _Lead | None,
) -> AudioStream:
    pauses = _pauses(index, stream.number, stream.chunk_s, most_s)
    begun = _begun(pauses, stream.chunk_s, delay_s, lead)
    if sum(one.length_s for one in begun) > most_s:
        begun = ()
    later_s = sum(one.length_s for one in begun) - sum(one.length_s for one in pauses)
    length_s = None if track.duration_s is None else max(track.duration_s + later_s, 0.0)
    in_row = _in_row(track.codec, stream)
    return track.model_copy(update={"pauses": begun, "duration_s": length_s, "in_row": in_row})


def _in_row(codec: str, stream: _Stream) -> bool:
    """Whether each chunk of a sound is one block, of more bytes than its header says.

    By those bytes ffmpeg reckons how long a chunk is: an hour of what it wrote itself would last
    for weeks.
    """
    return codec in LOUD and stream.block_bytes * 8 / stream.chunk_s < LEAST_BITS


class _Lead(NamedTuple):
    """How long a frame is, seconds, and for how many more the first of a picture is shown."""

    frame_s: float
    waits: int


def _lead(index: bytes, streams: Sequence[_Stream]) -> _Lead | None:
    shown = next((one for one in streams if one.kind == PICTURE), None)
    return shown and _Lead(shown.chunk_s, _first_wait(index, shown.number))


def _begun(
    pauses: tuple[Pause, ...], chunk_s: float, delay_s: float, lead: _Lead | None
) -> tuple[Pause, ...]:
    """Let a sound begin when it was meant to, also before the first frame is shown.

    ffmpeg moves all streams so that none begins before 0: neither where a picture is decoded before
    it is shown, nor with the chunk that an encoder of sound puts before the beginning. It moves
    them by whole chunks of each, and writes the first one before it looks at its time. `lead` is
    that of its pictures. Where those wait for longer, all begin later, and nothing is moved.
    """
    if pauses and pauses[0].after_s <= chunk_s:
        moved_s = delay_s if lead and lead.waits else _in_whole(chunk_s, delay_s)
        late_s = pauses[0].length_s - moved_s
        return (Pause(after_s=0.0, length_s=late_s), *pauses[1:])
    if lead is None or not lead.waits:
        return pauses
    moved_s = _in_whole(lead.frame_s, chunk_s)
    if abs(moved_s - max(lead.waits * lead.frame_s, delay_s)) > ROUGH_S:
        return pauses  # it waits for something else
    return (Pause(after_s=0.0, length_s=moved_s - chunk_s - delay_s), *pauses)


def _in_whole(chunk_s: float, length_s: float) -> float:
    """Say how long the chunks are that so long a time fills, the last of them maybe in part."""
    return math.ceil((length_s - ROUGH_S) / chunk_s) * chunk_s


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


class _Stream(NamedTuple):
    kind: bytes
    number: int
    chunk_s: float
    block_bytes: int


def _streams(file: BinaryIO) -> Iterator[_Stream]:
    """Find pictures and sounds whose chunks are all as long."""
    for name, begin, end in _inside(file):
        if name != b"hdrl":
            continue
        streams = [part for part in _chunks(file, begin + NAME, end) if part[0] == b"strl"]
        for number, (_, first, last) in enumerate(streams):
            parts = {part: at for part, at, _ in islice(_chunks(file, first + NAME, last), 2)}
            told, form = (_read(file, parts.get(part)) for part in (b"strh", b"strf"))
            if told[:NAME] not in (SOUND, PICTURE):
                continue
            scale, rate = struct.unpack("<II", told[TICKS])
            if scale and rate and not any(told[SAMPLE_SIZE]):
                block_bytes = int.from_bytes(form[BLOCK], "little")
                yield _Stream(told[:NAME], number, scale / rate, block_bytes)
        return


def _read(file: BinaryIO, at: int | None) -> bytes:
    """Read as much of a stream's headers as is looked at; nothing where that is not there."""
    if at is None:
        return b""
    file.seek(at)
    found = file.read(SAMPLE_SIZE.stop)
    return found if len(found) == SAMPLE_SIZE.stop else b""


def _is_by_ffmpeg(file: BinaryIO) -> bool:
    """Whether a file says that ffmpeg's library wrote it."""
    for name, begin, end in _inside(file):
        if name == b"INFO":
            for part, at, _ in _chunks(file, begin + NAME, end):
                file.seek(at)
                if part == b"ISFT" and file.read(len(FFMPEG)) == FFMPEG:
                    return True
        if name == b"movi":
            break
    return False


def _index(file: BinaryIO) -> bytes:
    for name, begin, end in _inside(file):
        if name == b"idx1":
            file.seek(begin)
            return file.read(min(end - begin, MOST_INDEX))
    return b""


def _first_wait(index: bytes, number: int) -> int:
    """Count the empty chunks behind the first one of a picture."""
    names, waits = (b"%02ddc" % number, b"%02ddb" % number), -1
    for at in range(0, len(index) - ENTRY.size + 1, ENTRY.size):
        chunk, _, _, length = ENTRY.unpack_from(index, at)
        if chunk in names and length and waits >= 0:
            return waits
        waits += chunk in names
    return 0


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
