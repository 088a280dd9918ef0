from __future__ import annotations

import struct
from pathlib import Path

import pytest

from pipeline.media.avi import with_pauses
from tests.unit.plan.sources import sound


def chunk(name: bytes, data: bytes) -> bytes:
    return name + struct.pack("<I", len(data)) + data + bytes(len(data) % 2)


def film(
    path: Path,
    *lengths: int,
    sample_bytes: int = 0,
    waits: int = 0,
    block: int = 1152,
    writer: bytes = b"Lavf62.3",
) -> Path:
    """Write an AVI whose second stream is sound, in chunks of 25 ms and so many bytes.

    Of its frames of 40 ms the first is followed by so many empty ones.
    """
    heads = [
        chunk(
            b"LIST",
            b"strl"
            + chunk(b"strh", told.ljust(56, b"\0"))
            + chunk(b"strf", struct.pack("<12xH34x", block)),
        )
        for told in (
            b"vids".ljust(20, b"\0") + struct.pack("<II", 1, 25),
            b"auds".ljust(20, b"\0") + struct.pack("<II16xI", 1, 40, sample_bytes),
        )
    ]
    hdrl = chunk(b"LIST", b"hdrl" + chunk(b"avih", bytes(56)) + b"".join(heads))
    frames = (9, *([0] * waits), *([9] * len(lengths)))
    entries = b"".join(
        struct.pack("<4sIII", b"00dc", 0, 0, frame) + struct.pack("<4sIII", b"01wb", 0, 0, length)
        for frame, length in zip(frames, lengths, strict=False)
    )
    info = chunk(b"LIST", b"INFO" + chunk(b"ISFT", writer))
    movi = chunk(b"LIST", b"movi" + chunk(b"00dc", bytes(9)))
    path.write_bytes(chunk(b"RIFF", b"AVI " + hdrl + info + movi + chunk(b"idx1", entries)))
    return path


def pauses(path: Path, delay_s: float = 0.0, most_s: float = 9) -> list[tuple[float, float]]:
    (track,) = with_pauses(path, (sound(1),), most_s, delay_s)
    return [(one.after_s, one.length_s) for one in track.pauses]


def test_sound_pauses_where_its_chunks_are_empty(tmp_path: Path) -> None:
    path = film(tmp_path / "a.avi", 100, 100, 0, 0, 0, 0, 100, 101, 0, 0, 100, 0)
    assert pauses(path) == [pytest.approx((0.05, 0.1)), pytest.approx((0.1, 0.05))]


def test_a_pause_behind_the_first_chunk_lies_before_it(tmp_path: Path) -> None:
    path = film(tmp_path / "a.avi", 100, 0, 0, 0, 0, 100, 0, 0, 100)
    assert pauses(path) == [pytest.approx((0, 0.1)), pytest.approx((0.05, 0.05))]


def test_sound_begins_late_only_by_what_is_more_than_the_decoding_of_the_picture(
    tmp_path: Path,
) -> None:
    path = film(tmp_path / "a.avi", 0, 0, 0, 100)
    # So long a delay takes two chunks, or four: sound that was encoded before is left out.
    assert pauses(path, delay_s=0.04) == [pytest.approx((0, 0.025))]
    assert pauses(path, delay_s=0.08) == [pytest.approx((0, -0.025))]
    assert pauses(film(tmp_path / "b.avi", 100, 100), delay_s=0.08) == []


def test_where_ffmpeg_lets_the_picture_wait_for_a_chunk_of_sound_it_comes_as_much_later(
    tmp_path: Path,
) -> None:
    assert pauses(film(tmp_path / "a.avi", *([9] * 9), waits=1)) == [pytest.approx((0, 0.015))]
    # With B-frames, their delay is longer by the wait.
    both = film(tmp_path / "b.avi", *([9] * 9), waits=1)
    assert pauses(both, delay_s=0.04) == [pytest.approx((0, -0.025))]


def test_no_sound_comes_later_by_more_than_the_film_is_long(tmp_path: Path) -> None:
    path = film(tmp_path / "a.avi", *([9] * 9), waits=1)
    assert pauses(path, most_s=0.01) == []


@pytest.mark.parametrize(("waits", "writer"), [(2, b"Lavf62.3"), (1, b"VirtualDub"), (0, b"Lavf")])
def test_a_picture_that_waits_for_anything_else_moves_no_sound(
    tmp_path: Path, waits: int, writer: bytes
) -> None:
    assert pauses(film(tmp_path / "a.avi", *([9] * 9), waits=waits, writer=writer)) == []


def test_where_nothing_is_empty_or_chunks_may_be_of_any_length_nothing_pauses(
    tmp_path: Path,
) -> None:
    for lengths, sample_bytes in (((100, 100), 0), ((100, 0, 100), 2), ((100, 0) * 200, 0)):
        path = film(tmp_path / "a.avi", *lengths, sample_bytes=sample_bytes)
        assert with_pauses(path, (sound(1),), 9) == (sound(1),)


def test_a_sound_that_ends_when_it_pauses_no_more_is_told_so(tmp_path: Path) -> None:
    path = film(tmp_path / "a.avi", 0, 0, 0, 100, 100)
    (track,) = with_pauses(path, (sound(1, duration_s=0.125),), 9, 0.04)
    assert track.duration_s == pytest.approx(0.075)


def test_a_picture_that_waits_for_longer_begins_as_late_as_its_sound(tmp_path: Path) -> None:
    # Eight frames late, and two that the decoder keeps back: 0.4 s, as is the sound.
    path = film(tmp_path / "a.avi", 100, *([0] * 16), 100, waits=8)
    assert pauses(path, delay_s=0.4) == [pytest.approx((0, 0))]


@pytest.mark.parametrize(
    ("codec", "block", "in_row"),
    [("dts", 12, True), ("eac3", 4, True), ("ac3", 768, False), ("mp3", 4, False)],
)
def test_chunks_of_blocks_that_are_too_small_for_their_codec_are_one_each(
    tmp_path: Path, codec: str, block: int, *, in_row: bool
) -> None:
    path = film(tmp_path / "a.avi", 100, 100, block=block)
    (track,) = with_pauses(path, (sound(1, codec=codec),), 9)
    assert track.in_row == in_row


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
