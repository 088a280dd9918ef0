"""Bytes that ffmpeg doesn't write: captions inside H.264 pictures, damage, and cut files."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

#: ITU-T T.35: United States, ATSC; then "GA94" and the kind of data (ATSC A/53 part 4).
ATSC = bytes((0xB5, 0x00, 0x31)) + b"GA94" + bytes((0x03,))
#: Commands of CEA-608: resume caption loading, erase, row 15, end of caption.
LOADING, ERASE, ROW_15, END = (0x14, 0x20), (0x14, 0x2E), (0x14, 0x70), (0x14, 0x2F)


def caption_pairs(text: str) -> list[tuple[int, int]]:
    """Give the byte pairs of a pop-on caption, commands twice as the standard has it."""
    letters = [ord(letter) for letter in text] + [0x80] * (len(text) % 2)
    pairs = [*([LOADING] * 2), *([ERASE] * 2), *([ROW_15] * 2)]
    pairs += list(zip(letters[::2], letters[1::2], strict=True))
    return [*pairs, *([END] * 2)]


def with_parity(byte: int) -> int:
    """Set the top bit so that the number of ones is odd."""
    low = byte & 0x7F
    return low | (0x80 if low.bit_count() % 2 == 0 else 0)


def scc(text: str, *, frames_at: int = 15) -> str:
    """Write a caption as a Scenarist file; it is shown from `frames_at` frames after 0 on."""
    clear = [(0x14, 0x2C)] * 2
    shown = " ".join(f"{with_parity(a):02x}{with_parity(b):02x}" for a, b in caption_pairs(text))
    erased = " ".join(f"{with_parity(a):02x}{with_parity(b):02x}" for a, b in clear)
    begin = f"00:00:00:{frames_at:02d}"
    return f"Scenarist_SCC V1.0\n\n{begin}\t{shown}\n\n00:00:02:15\t{erased}\n"


def captioned(stream: bytes, texts: Mapping[int, str]) -> bytes:
    """Put captions into H.264 without B-frames, a pair of bytes a picture.

    `texts` maps the picture from which on a caption is told to what it says.
    """
    told = {
        first + number: pair
        for first, text in texts.items()
        for number, pair in enumerate(caption_pairs(text))
    }
    made = bytearray()
    number = 0
    for unit in _units(stream):
        kind = unit[0] & 0x1F
        # The first slice of a picture has `first_mb_in_slice` 0: a one bit.
        if kind in (1, 5) and unit[1] & 0x80:
            made += b"\x00\x00\x00\x01" + _sei(told.get(number, (0x00, 0x00)))
            number += 1
        made += b"\x00\x00\x00\x01" + unit
    return bytes(made)


def _units(stream: bytes) -> list[bytes]:
    parts = stream.split(b"\x00\x00\x01")
    return [part.rstrip(b"\x00") or b"\x00" for part in parts[1:]]


def _sei(pair: tuple[int, int]) -> bytes:
    captions = bytes((0x41, 0xFF, 0xFC, with_parity(pair[0]), with_parity(pair[1]), 0xFF))
    payload = ATSC + captions
    data = bytes((0x04, len(payload))) + payload + b"\x80"
    # Two zeros before a byte of at most 3 would be a start code.
    safe = bytearray()
    for byte in data:
        if safe[-2:] == b"\x00\x00" and byte <= 3:
            safe.append(3)
        safe.append(byte)
    return b"\x06" + bytes(safe)


def sup() -> bytes:
    """Write Blu-ray subtitles (PGS): a white box of 16x8 pixels, shown from 0.5 s to 1.5 s."""
    size = (320).to_bytes(2, "big") + (240).to_bytes(2, "big") + b"\x10"
    place = bytes((0, 100, 0, 100))
    shows = size + b"\x00\x00\x80\x00\x00\x01" + b"\x00\x00\x00\x00" + place
    window = b"\x01\x00" + place + bytes((0, 16, 0, 8))
    palette = bytes((0, 0, 1, 235, 128, 128, 255))
    # A run of 16 pixels of colour 1, and the line's end, eight times.
    lines = bytes((0x00, 0x90, 0x01, 0x00, 0x00)) * 8
    held = (len(lines) + 4).to_bytes(3, "big") + bytes((0, 16, 0, 8)) + lines
    drawing = b"\x00\x00\x00\xc0" + held
    hides = size + b"\x00\x01\x00\x00\x00\x00"
    begin = [(0x16, shows), (0x17, window), (0x14, palette), (0x15, drawing), (0x80, b"")]
    end = [(0x16, hides), (0x17, window), (0x80, b"")]
    return _sup_segments(45_000, begin) + _sup_segments(135_000, end)


def _sup_segments(at: int, segments: list[tuple[int, bytes]]) -> bytes:
    clock = at.to_bytes(4, "big") + bytes(4)
    return b"".join(
        b"PG" + clock + bytes((kind,)) + len(data).to_bytes(2, "big") + data
        for kind, data in segments
    )


def with_aperture(film: bytes, width: int, height: int) -> bytes:
    """Tell an MP4, whose index comes last, to show the middle of its picture only (`clap`)."""
    box = struct.pack(">I4s8I", 40, b"clap", width, 1, height, 1, 0, 1, 0, 1)
    place = film.index(b"pasp") - 4
    made = bytearray(film[:place] + box + film[place:])
    for name in (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsd", b"avc1"):
        at = film.rindex(name, 0, place) - 4
        size = int.from_bytes(film[at : at + 4], "big") + len(box)
        made[at : at + 4] = size.to_bytes(4, "big")
    return bytes(made)


def cut_short(source: Path, path: Path, share: float) -> Path:
    """Keep only the first part of a file."""
    data = source.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    return path


def zeroed(source: Path, path: Path, share: float) -> Path:
    """Leave nothing but zeros in the middle of a file, as copies from failing disks have them."""
    data = bytearray(source.read_bytes())
    length = int(len(data) * share)
    begin = (len(data) - length) // 2
    data[begin : begin + length] = bytes(length)
    path.write_bytes(data)
    return path


def damaged(source: Path, path: Path, share: float, *, every: int = 1) -> Path:
    """Overwrite bytes in the middle of a file: `share` of it, each `every`th byte there."""
    data = bytearray(source.read_bytes())
    middle, half = len(data) // 2, int(len(data) * share / 2)
    for place in range(middle - half, middle + half, every):
        data[place] = (data[place] * 7 + place) & 0xFF
    path.write_bytes(data)
    return path
