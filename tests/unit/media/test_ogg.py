from __future__ import annotations

import struct
from array import array
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.media.ogg import with_true_times
from pipeline.media.packets import Packets, count_packets
from pipeline.plan.source import AudioStream
from tests.unit.plan.sources import sound

OPUS = b"OpusHead\x01\x02" + struct.pack("<H", 480)


def page(serial: int, ends: int, data: bytes = b"", *, first: bool = False) -> bytes:
    head = b"OggS\0" + bytes((2 * first,)) + struct.pack("<QIII", ends, serial, 0, 0)
    return head + bytes((1, len(data))) + data


def film(path: Path, *ends: int, head: bytes = b"") -> Path:
    """Write an Ogg whose second stream is sound, with pages that end so."""
    heads = page(7, 0, first=True) + page(9, 0, head, first=True) + page(9, 0)
    sound = b"".join(page(7, 99) + page(9, one) for one in ends)
    path.write_bytes(heads + page(7, 1) + page(9, (1 << 64) - 1) + sound)
    return path


def shown(*heard_s: float) -> Packets:
    """Ten seconds of picture, beside packets of sound that come then."""
    picture = count_packets("".join(f"{n},{n},1,9,0,K__\n" for n in range(10)))
    return replace(picture, heard_s={1: array("d", heard_s)})


def corrected(path: Path, *heard_s: float) -> AudioStream:
    (track,) = with_true_times(path, (sound(1),), shown(*heard_s))
    return track


def pauses(track: AudioStream) -> list[tuple[float, float]]:
    return [(one.after_s, one.length_s) for one in track.pauses]


def test_sound_that_ends_early_lasts_as_long_as_its_packets(tmp_path: Path) -> None:
    track = corrected(film(tmp_path / "a.ogv", 14_400), 0.0, 0.1, 0.2)
    assert (track.start_s, track.duration_s) == pytest.approx((0, 0.3))
    assert pauses(track) == []


def test_sound_in_a_single_page_begins_where_that_leaves_room_for_it(tmp_path: Path) -> None:
    # Two hundred milliseconds, and half of the last packet, before 5 s.
    track = corrected(film(tmp_path / "a.ogv", 240_000), 0.0, 0.1, 0.2)
    assert (track.start_s, track.duration_s) == pytest.approx((4.75, 0.3))
    assert pauses(track) == [pytest.approx((0, 4.75))]


def test_opus_counts_what_is_not_heard_at_a_rate_of_its_own(tmp_path: Path) -> None:
    path = film(tmp_path / "a.ogv", 240_480, head=OPUS)
    slow = sound(1, sample_rate=24_000)
    (track,) = with_true_times(path, (slow,), shown(0.0, 0.1, 0.2))
    assert pauses(track) == [pytest.approx((0, 4.75))]


def test_of_sound_whose_first_page_only_has_no_time_the_rest_comes_when_it_says(
    tmp_path: Path,
) -> None:
    track = corrected(film(tmp_path / "a.ogv", 240_000, 249_600), 0.0, 0.1, 0.2, 5.0, 5.1)
    assert (track.start_s, track.duration_s) == pytest.approx((4.7, 0.5))
    assert pauses(track) == [pytest.approx((0, 4.7)), pytest.approx((5.0, -4.7))]


@pytest.mark.parametrize("ends", [480_000 * 99, (1 << 63) - 1])
def test_sound_does_not_begin_behind_the_picture(tmp_path: Path, ends: int) -> None:
    assert pauses(corrected(film(tmp_path / "a.ogv", ends), 0.0, 0.1, 0.2)) == []


@pytest.mark.parametrize("data", [b"", b"OggS", bytes(99)])
def test_what_has_no_pages_tells_of_none(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "a.ogv").write_bytes(data)
    assert pauses(corrected(tmp_path / "a.ogv", 0.0, 0.1)) == []


def test_sound_that_goes_on_as_long_as_its_picture_is_as_it_was(tmp_path: Path) -> None:
    path = film(tmp_path / "a.ogv", 480_000)
    assert corrected(path, *(n / 10 for n in range(99))) == sound(1)
    assert corrected(path) == sound(1)
