from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import pytest

from pipeline.media.content import ASF
from pipeline.media.extent import (
    ASF_PROPERTIES,
    W64,
    announced_bytes,
    missing_end,
    tells_duration,
)

if TYPE_CHECKING:
    from pathlib import Path

EBML = b"\x1aE\xdf\xa3\x81\x00"
SEGMENT, INFO, CLUSTER = b"\x18\x53\x80\x67", b"\x15\x49\xa9\x66", b"\x1f\x43\xb6\x75"
#: Six bytes of head and screen, no palette; a picture in one block; its end.
GIF = b"GIF89a" + bytes(7) + b"\x2c" + bytes(9) + b"\x02\x03abc\x00" + b"\x3b"


def asf(size: int, *, live: bool = False) -> bytes:
    head = ASF + bytes(22) + ASF_PROPERTIES + bytes(24) + size.to_bytes(8, "little") + bytes(40)
    return head + bytes((1 if live else 0,)) + bytes(200)


def flv(size: float) -> bytes:
    return b"FLV\x01\x05" + bytes(20) + b"\x00\x08filesize\x00" + struct.pack(">d", size)


def caf(size: int) -> bytes:
    return b"caff\x00\x01\x00\x00data" + size.to_bytes(8, "big", signed=True) + bytes(4)


def page(flags: int, size: int) -> bytes:
    return b"OggS\x00" + bytes((flags,)) + bytes(20) + b"\x01" + bytes((size,)) + bytes(size)


@pytest.mark.parametrize(
    ("data", "size"),
    [
        (asf(5000), 5000),
        (asf(5000, live=True), None),
        (b"RIFF" + (992).to_bytes(4, "little") + b"WAVEfmt ", 1000),
        (b"RIFF\xff\xff\xff\xffWAVEfmt ", None),
        (b"RIFF" + (992).to_bytes(4, "little") + b"AVI LIST", None),
        (b"FORM" + (992).to_bytes(4, "big") + b"AIFF", 1000),
        (b"FORM\x00\x00\x00\x00AIFC", None),
        (W64 + (1000).to_bytes(8, "little"), 1000),
        (W64 + b"\xff" * 8, None),
        (flv(1000), 1000),
        (flv(0), None),
        (flv(float("nan")), None),
        (b"FLV\x01\x05" + bytes(30), None),
        (caf(1000), 1020),
        (caf(-1), None),
        (EBML + SEGMENT + b"\x88" + bytes(8), 19),
        (EBML + SEGMENT + b"\x01" + b"\xff" * 7, None),
        (EBML, None),
        (b"\x1aE\xdf\xa3", None),
    ],
)
def test_a_file_tells_how_long_it_is(tmp_path: Path, data: bytes, size: int | None) -> None:
    (tmp_path / "file").write_bytes(data)
    assert announced_bytes(tmp_path / "file") == size


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (page(2, 9) + page(4, 9), ""),
        (page(2, 9) + page(4, 9) + b"TAG" + bytes(125), ""),
        (page(2, 9) + page(0, 9), "does not say that it is the last"),
        ((page(2, 9) + page(4, 9))[:-3], "of whose 37 bytes 34 are there"),
        ((page(2, 9) + page(4, 9))[:-20], "within the head"),
        (b"OggS" + bytes(200_000), "no page"),
        (GIF, ""),
        (GIF + b"more", ""),
        (GIF[:-1], "not marked"),
        (GIF[:-3], "not marked"),
        (GIF[:-1] + b"\x00\x3b", ""),
        (GIF[:-1] + b"\x21\xf9\x02ab\x00", "not marked"),
        (b"\x00\x00\x00\x08ftyp\x00\x00\x00\x20mdat" + bytes(23), "after 39 of its 40 bytes"),
        (b"\x00\x00\x00\x08ftyp\x00\x00\x00\x20mdat" + bytes(24), ""),
        (b"RIFF" + (992).to_bytes(4, "little") + b"WAVEfmt ", ""),
    ],
)
def test_what_is_not_there_is_told(tmp_path: Path, data: bytes, told: str) -> None:
    (tmp_path / "file").write_bytes(data)
    found = missing_end(tmp_path / "file")
    assert told in found
    assert bool(told) == bool(found)


def test_a_matroska_file_may_not_know_how_long_it_lasts(tmp_path: Path) -> None:
    path = tmp_path / "a.mkv"
    begun = EBML + SEGMENT + b"\x01" + b"\xff" * 7
    app, lasts = b"\x4d\x80\x81x", b"\x44\x89\x84\x45\x9c\x40\x00"
    for data, expected in (
        (begun + INFO + b"\x8b" + app + lasts, True),
        (begun + b"\xec\x82ab" + INFO + b"\x87" + lasts, True),
        (begun + INFO + b"\x84" + app + CLUSTER + b"\x87" + lasts, False),
        (begun + CLUSTER + b"\x87" + lasts, False),
        (begun, False),
        (b"", False),
    ):
        path.write_bytes(data)
        assert tells_duration(path) is expected
