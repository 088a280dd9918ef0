"""H.264 whose fields are pictures of their own (PAFF), as broadcasts and camcorders have it.

No encoder at hand writes it. Here pictures of half the height, each decoded alone, become fields by
other headers. Field pictures are scanned in another order, so every block must be of one colour.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.media import ffmpeg
from tests.sources.picture import Clip
from tests.sources.row import Expect, Patches, Row

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

CLIP = Clip(size="256x256")
#: Blocks of one colour only; no CABAC, whose contexts differ for fields.
ALONE = "keyint=1:cabac=0:8x8dct=0:bframes=0:slices=1:sliced-threads=0:qp=6"
SPS, PPS, IDR, OTHER = 7, 8, 5, 1
MAIN = 77
START = b"\x00\x00\x00\x01"


class Bits:
    """Reads bits one after the other, and writes what was read or something else."""

    def __init__(self, data: bytes) -> None:
        plain = data.replace(b"\x00\x00\x03", b"\x00\x00")
        self.read = "".join(f"{byte:08b}" for byte in plain)
        self.written = ""
        self.at = 0

    def take(self, count: int) -> int:
        """Read a number of so many bits, and leave it out."""
        self.at += count
        return int(self.read[self.at - count : self.at], 2)

    def copy(self, count: int) -> int:
        """Read a number of so many bits, and write it."""
        self.written += self.read[self.at : self.at + count]
        return self.take(count)

    def golomb(self, *, instead: int | None = None) -> int:
        """Read a number of as many bits as it needs, and write it or another."""
        zeros = self.read.index("1", self.at) - self.at
        self.at += zeros
        found = self.take(zeros + 1) - 1
        value = found if instead is None else instead
        self.written += f"{value + 1:0{2 * (value + 1).bit_length() - 1}b}"
        return found

    def end(self) -> bytes:
        """Write the rest, up to the bit that ends it, and give it all."""
        whole = self.written + self.read[self.at : self.read.rindex("1") + 1]
        whole += "0" * (-len(whole) % 8)
        made = bytearray()
        for byte in (int(whole[at : at + 8], 2) for at in range(0, len(whole), 8)):
            if made[-2:] == b"\x00\x00" and byte <= SPS // 2:
                made.append(3)
            made.append(byte)
        return bytes(made)


def _units(stream: bytes) -> Iterator[bytes]:
    return (part.rstrip(b"\x00") for part in stream.split(b"\x00\x00\x01")[1:])


def _in_fields(sps: bytes) -> tuple[bytes, int]:
    """Say that pictures may be fields; also give how many bits number a frame."""
    bits = Bits(sps[1:])
    bits.take(8)
    bits.written += f"{MAIN:08b}"
    bits.copy(16)
    bits.golomb()
    frame_bits = bits.golomb() + 4
    assert bits.golomb() == 2, "the order of pictures is told by their numbers only"
    bits.golomb()
    bits.copy(1)
    bits.golomb()
    bits.golomb()
    assert bits.take(1) == 1
    bits.written += "00"
    assert bits.copy(1) == 1
    return sps[:1] + bits.end(), frame_bits


def _field(unit: bytes, number: int, frame_bits: int) -> bytes:
    """Make of a picture the first or second field of a frame, of which only the first is IDR."""
    second = number % 2
    bits = Bits(unit[1:])
    for _ in range(3):
        bits.golomb()
    bits.copy(frame_bits)
    bits.written += f"1{second}"
    before = bits.written
    bits.golomb(instead=number // 2 % 2)
    if second:
        bits.written = before + "0"
        bits.take(2)
    head = unit[0] & 0xE0 | (OTHER if second else IDR)
    return bytes((head,)) + bits.end()


def paff(stream: bytes) -> bytes:
    """Make fields of pictures that are each decoded alone."""
    made, number, frame_bits = bytearray(), 0, 0
    for unit in _units(stream):
        kind, written = unit[0] & 0x1F, b""
        if kind == IDR:
            written, number = _field(unit, number, frame_bits), number + 1
        elif kind == SPS and number % 2 == 0:
            written, frame_bits = _in_fields(unit)
        elif kind == PPS and number % 2 == 0:
            written = unit
        made += START + written if written else b""
    return bytes(made)


def field_coded(name: str, *sound: str) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        coded, fields, path = folder / "a.264", folder / "fields.264", folder / name
        halves = "split[a][b];[a][b]interleave,setpts=N/25/TB,scale=256:128:flags=neighbor,setsar=1"
        alone = ("-c:v", "libx264", "-x264-params", ALONE, "-pix_fmt", "yuv420p")
        ffmpeg("-f", "lavfi", "-i", CLIP.picture(), "-vf", halves, "-r", "25", *alone, str(coded))
        fields.write_bytes(paff(coded.read_bytes()))
        heard = ("-f", "lavfi", "-i", CLIP.sound())
        ffmpeg("-r", "50", "-i", str(fields), *heard, "-c:v", "copy", *sound, str(path))
        return path

    return make


ROWS = tuple(
    Row(
        f"fields that are pictures of their own, H.264 in {name.partition('.')[2]}",
        field_coded(name, *sound),
        Expect(
            frames=75,
            seconds=3,
            patches=Patches(),
            sync=True,
            moments=CLIP.moments,
            fields=order,
        ),
    )
    for name, sound, order in (
        ("a.ts", ("-c:a", "ac3"), "tt"),
        ("a.mkv", ("-c:a", "flac"), "tt"),
        # Its index says nothing of fields, and of a still picture no look tells.
        ("a.mp4", ("-c:a", "aac"), None),
    )
)
