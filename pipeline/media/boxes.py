"""The boxes of the MP4 files we made (ISO/IEC 14496-12): their tracks, and every sample's time.

Outputs are read back many times over, and their indexes say all that is asked. To start ffprobe
for each took longer than packaging them.
"""

from __future__ import annotations

import struct
from array import array
from dataclasses import dataclass
from itertools import chain, islice, pairwise, repeat
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

#: Size and name, before what is in a box; as many bytes more for a size of 64 bits.
HEAD = 8
#: Version and flags, which many boxes begin with.
FULL = 4
KINDS = {b"vide": "video", b"soun": "audio", b"sbtl": "subtitle", b"text": "subtitle"}
CODECS = {
    **{b"avc1": "h264", b"avc3": "h264", b"hvc1": "hevc", b"hev1": "hevc"},
    **{b"av01": "av1", b"vp09": "vp9", b"mp4a": "aac", b"Opus": "opus", b"tx3g": "mov_text"},
}
#: What is in that of a picture before the boxes that set up its decoder, bytes; of those, one tells
#: bit rates, which no decoder needs.
PICTURE_ENTRY, BIT_RATES = 78, b"btrt"
#: Where the width is in the entry that describes a picture's samples; the height follows.
WIDTH_AT = 24
#: In the flags of a run of samples: what stands before the samples, and what each of them tells.
OFFSET_FLAG, FIRST_FLAG, SAMPLE_FLAGS, SIZE_FLAG = 0x1, 0x4, (0x100, 0x200, 0x400, 0x800), 0x200
#: In the flags of a fragment's header: base offset, description, duration, and then the size.
BEFORE_SIZE, DEFAULT_SIZE = ((0x1, 8), (0x2, 4), (0x8, 4)), 0x10


class Broken(ValueError):
    """A file is not whole, or its boxes contradict each other."""


@dataclass(frozen=True)
class Track:
    """One track. Width and height in pixels, 0 where it has none; times in seconds.

    `count` samples are shown, `hidden` are cut away by the edit list, as an encoder's priming is.
    The first is shown at `first_s`, the last begins at `last_s` and is over at `end_s`. No two are
    shown closer together than `apart_s`, 0 where there is only one.
    """

    kind: str
    codec: str
    width: int
    height: int
    count: int
    hidden: int
    first_s: float
    last_s: float
    end_s: float
    apart_s: float


class _Edit(NamedTuple):
    """What is shown of a track: from which of its ticks on, how many, and after how many seconds.

    `length` is 0 where it does not say.
    """

    begins: int = 0
    length: int = 0
    delay_s: float = 0.0


def read_tracks(path: Path) -> list[Track]:
    """Read the tracks of a whole MP4 file. Raises `Broken`, and `OSError`."""
    return [one.track() for one in read_index(path)]


def read_index(path: Path) -> list[Index]:
    """Read the index of a whole MP4 file, by its tracks. Raises `Broken`, and `OSError`."""
    index, held = b"", 0
    at, whole = 0, path.stat().st_size
    with path.open("rb") as file:
        while at < whole:
            file.seek(at)
            name, begun, size = _header(file.read(HEAD * 2), whole - at)
            if name == b"moov":
                file.seek(at + begun)
                index = file.read(size - begun)
            elif name == b"mdat":
                held += size - begun
            at += size
    if not index:
        raise Broken("it has no index")
    moov = _inside(index)
    ticks_s = _timescale(_one(moov, b"mvhd"))
    tables = [Index.of(_inside(trak), ticks_s) for name, trak in moov if name == b"trak"]
    needed = sum(table.size for table in tables)
    if needed > held:
        raise Broken(f"its samples take {needed} bytes, and it holds {held}")
    return tables


def count_fragments(files: Iterable[Path]) -> int:
    """Count the samples of segments, each whole. Raises `Broken`, and `OSError`."""
    return sum(_fragments(file) for file in files)


def _fragments(path: Path) -> int:
    count = owed = 0
    for name, inside in _inside(path.read_bytes()):
        if name == b"moof":
            for run in (part for box, part in _inside(inside) if box == b"traf"):
                samples, size = _runs(_inside(run))
                count, owed = count + samples, owed + size
        elif name == b"mdat":
            owed -= len(inside)
    if owed:
        raise Broken(f"{path.name} lacks {owed} bytes of its samples")
    return count


def _runs(traf: list[tuple[bytes, bytes]]) -> tuple[int, int]:
    """Sum up a fragment of a track: how many samples, and how many bytes they take."""
    header = _one(traf, b"tfhd")
    flags, at = _flags(header), FULL + 4
    at += sum(length for flag, length in BEFORE_SIZE if flags & flag)
    usual = _word(header, at) if flags & DEFAULT_SIZE else 0
    count = size = 0
    for run in (part for box, part in traf if box == b"trun"):
        flags, samples = _flags(run), _word(run, FULL)
        begins = FULL + 4 + 4 * bool(flags & OFFSET_FLAG) + 4 * bool(flags & FIRST_FLAG)
        told = [flag for flag in SAMPLE_FLAGS if flags & flag]
        words = _words(run, begins, samples * len(told))
        sized = SIZE_FLAG in told
        size += sum(words[told.index(SIZE_FLAG) :: len(told)]) if sized else usual * samples
        count += samples
    return count, size


@dataclass(frozen=True)
class Index:
    """What a track's boxes say, before each sample is looked at: all take `size` bytes."""

    media: list[tuple[bytes, bytes]]
    samples: list[tuple[bytes, bytes]]
    edit: _Edit
    clock: int
    count: int
    size: int

    @classmethod
    def of(cls, trak: list[tuple[bytes, bytes]], ticks_s: int) -> Index:
        """Read a track's boxes; `ticks_s` is the movie's clock."""
        media = _inside(_one(trak, b"mdia"))
        clock = _timescale(_one(media, b"mdhd"))
        samples = _inside(_one(_inside(_one(media, b"minf")), b"stbl"))
        sizes = _one(samples, b"stsz")
        usual, count = _word(sizes, FULL), _word(sizes, FULL + 4)
        needed = usual * count if usual else sum(_words(sizes, FULL + 8, count))
        return cls(media, samples, _edit(trak, ticks_s, clock), clock, count, needed)

    def moments(self) -> array[int]:
        """Give when each sample is shown that is not hidden, in ticks of its clock, in order."""
        moved = round(self.edit.delay_s * self.clock) - self.edit.begins
        return array("q", sorted(at + moved for at, _ in self._shown()))

    def picture_setup(self) -> list[tuple[bytes, bytes]]:
        """Give what a decoder of a picture is set up with, as names and bytes."""
        name, entry = self._entry()
        boxes = [box for box in _inside(entry[PICTURE_ENTRY:]) if box[0] != BIT_RATES]
        return [(name, entry[:PICTURE_ENTRY]), *boxes]

    def track(self) -> Track:
        """Sum up the track."""
        edit, clock = self.edit, self.clock
        format_name, entry = self._entry()
        kind = KINDS.get(_one(self.media, b"hdlr")[8:12], "other")
        size = (_half(entry, WIDTH_AT), _half(entry, WIDTH_AT + 2)) if kind == "video" else (0, 0)
        shown = list(self._shown())
        begun = sorted(at for at, _ in shown) or [edit.begins]
        first, last = begun[0], begun[-1]
        end = max((at for _, at in shown), default=edit.begins)
        return Track(
            kind=kind,
            codec=CODECS.get(format_name, format_name.decode("latin-1")),
            width=size[0],
            height=size[1],
            count=len(shown),
            hidden=self.count - len(shown),
            first_s=edit.delay_s + (first - edit.begins) / clock,
            last_s=edit.delay_s + (last - edit.begins) / clock,
            end_s=edit.delay_s + (end - edit.begins) / clock,
            apart_s=min((after - one for one, after in pairwise(begun)), default=0) / clock,
        )

    def _shown(self) -> Iterator[tuple[int, int]]:
        """Give when each sample that is not hidden begins and ends, as its own clock counts."""
        edit = self.edit
        for at, length in _times(self.samples, self.count):
            if at + length > edit.begins and (not edit.length or at < edit.begins + edit.length):
                yield at, at + length

    def _entry(self) -> tuple[bytes, bytes]:
        """Give the one description of the samples: its name, and what is in it."""
        entries = _inside(_one(self.samples, b"stsd")[FULL + 4 :])
        if len(entries) != 1:
            raise Broken(f"a track has {len(entries)} descriptions of its samples")
        return entries[0]


def _times(table: list[tuple[bytes, bytes]], count: int) -> Iterator[tuple[int, int]]:
    """Give when each sample is shown and for how long, in ticks of the track."""
    # Whatever the table says: no more than one too many is counted.
    lengths = list(islice(_runs_of(_one(table, b"stts")), count + 1))
    if len(lengths) != count:
        raise Broken(f"its {count} samples have {len(lengths)} times")
    # Later ones than it tells of are shown when they are decoded.
    moved = next((box for name, box in table if name == b"ctts"), None)
    delays = chain(() if moved is None else _runs_of(moved, signed=True), repeat(0))
    decoded = 0
    for length, delay in zip(lengths, delays, strict=False):
        yield decoded + delay, length
        decoded += length


def _runs_of(box: bytes, *, signed: bool = False) -> Iterator[int]:
    words = _words(box, FULL + 4, 2 * _word(box, FULL))
    for count, value in zip(words[::2], words[1::2], strict=True):
        yield from repeat(value - (value >> 31 << 32) if signed else value, count)


def _edit(trak: list[tuple[bytes, bytes]], ticks_s: int, clock: int) -> _Edit:
    """Read the first edit that shows something; empty ones before it are a delay."""
    edts = next((box for name, box in trak if name == b"edts"), None)
    if edts is None:
        return _Edit()
    box, delay = _one(_inside(edts), b"elst"), 0
    form = ">QqI" if box[0] else ">IiI"
    for number in range(_word(box, FULL)):
        try:
            told = struct.unpack_from(form, box, FULL + 4 + number * struct.calcsize(form))
        except struct.error as error:
            raise Broken("an edit list is cut short") from error
        length, begins, _ = told
        if begins >= 0:
            return _Edit(begins, length * clock // ticks_s, delay / ticks_s)
        delay += length
    return _Edit(delay_s=delay / ticks_s)


def _timescale(header: bytes) -> int:
    """Read the ticks a second of a movie's or a track's header."""
    return _word(header, FULL + (16 if header[:1] == b"\x01" else 8)) or 1


def _one(boxes: list[tuple[bytes, bytes]], name: bytes) -> bytes:
    for found, inside in boxes:
        if found == name:
            return inside
    raise Broken(f"it lacks its {name.decode()}")


def _inside(data: bytes) -> list[tuple[bytes, bytes]]:
    """Take boxes apart that follow each other: name, and what is in it."""
    found, at = [], 0
    while at < len(data):
        name, begun, size = _header(data[at : at + HEAD * 2], len(data) - at)
        found.append((name, data[at + begun : at + size]))
        at += size
    return found


def _header(head: bytes, left: int) -> tuple[bytes, int, int]:
    """Read the head of a box of which `left` bytes are there: name, length of the head, size."""
    begun = HEAD
    size = _word(head, 0)
    if size == 1:
        begun = HEAD * 2
        size = _word(head, HEAD) << 32 | _word(head, HEAD + 4)
    if not begun <= size <= left:
        raise Broken("it is cut short")
    return head[4:HEAD], begun, size


def _flags(box: bytes) -> int:
    return _word(box, 0) & 0xFFFFFF


def _word(box: bytes, at: int) -> int:
    return _words(box, at, 1)[0]


def _half(box: bytes, at: int) -> int:
    return _words(box, at, 1)[0] >> 16


def _words(box: bytes, at: int, count: int) -> tuple[int, ...]:
    try:
        return struct.unpack_from(f">{count}I", box, at)
    except struct.error as error:
        raise Broken("a table is cut short") from error
