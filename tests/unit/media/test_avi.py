from __future__ import annotations

import struct
from pathlib import Path

import pytest

from pipeline.media.avi import with_pauses
from tests.unit.plan.sources import sound


def chunk(name: bytes, data: bytes) -> bytes:
    return name + struct.pack("<I", len(data)) + data + bytes(len(data) % 2)


def film(path: Path, *lengths: int, sample_bytes: int = 0) -> Path:
    """Write an AVI whose second stream is sound, in chunks of 25 ms and so many bytes."""
    heads = [
        chunk(b"LIST", b"strl" + chunk(b"strh", told.ljust(56, b"\0")))
        for told in (
            b"vids",
            b"auds".ljust(20, b"\0") + struct.pack("<II16xI", 1, 40, sample_bytes),
        )
    ]
    hdrl = chunk(b"LIST", b"hdrl" + chunk(b"avih", bytes(56)) + b"".join(heads))
    entries = b"".join(
        struct.pack("<4sIII", b"00dc", 0, 0, 9) + struct.pack("<4sIII", b"01wb", 0, 0, length)
        for length in lengths
    )
    movi = chunk(b"LIST", b"movi" + chunk(b"00dc", bytes(9)))
    path.write_bytes(chunk(b"RIFF", b"AVI " + hdrl + movi + chunk(b"idx1", entries)))
    return path


def test_sound_pauses_where_its_chunks_are_empty(tmp_path: Path) -> None:
    path = film(tmp_path / "a.avi", 100, 0, 0, 0, 0, 100, 101, 0, 0, 100, 0)
    (track,) = with_pauses(path, (sound(1),), 9)
    assert [(one.after_s, one.length_s) for one in track.pauses] == [
        pytest.approx((0.025, 0.1)),
        pytest.approx((0.075, 0.05)),
    ]


def test_where_nothing_is_empty_or_chunks_may_be_of_any_length_nothing_pauses(
    tmp_path: Path,
) -> None:
    for lengths, sample_bytes in (((100, 100), 0), ((100, 0, 100), 2), ((100, 0) * 200, 0)):
        path = film(tmp_path / "a.avi", *lengths, sample_bytes=sample_bytes)
        assert with_pauses(path, (sound(1),), 9) == (sound(1),)


def test_what_is_cut_short_or_no_avi_pauses_nowhere(tmp_path: Path) -> None:
    whole = film(tmp_path / "a.avi", 100, 0, 100).read_bytes()
    for data in (*(whole[:size] for size in range(0, len(whole), 9)), bytes(200)):
        (tmp_path / "b.avi").write_bytes(data)
        with_pauses(tmp_path / "b.avi", (sound(1),), 9)


def test_pauses_that_are_longer_than_the_film_or_too_many_are_none(tmp_path: Path) -> None:
    path = film(tmp_path / "a.avi", 100, *([0] * 41), 100)
    assert with_pauses(path, (sound(1),), 1.0) == (sound(1),)
    torn = film(tmp_path / "b.avi", *([0, 100] * 101))
    assert with_pauses(torn, (sound(1),), 9) == (sound(1),)
