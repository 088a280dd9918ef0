from __future__ import annotations

import math

import pytest

from pipeline.media.packets import ENDLESS_S, MOST_DELAY, Counter, Sorter, count_packets


def listing(*frames: int, length: str = "0.04") -> str:
    return "".join(f"{n * 0.04:.2f},{n * 0.04:.2f},{length},100,0,K__\n" for n in frames)


def test_packets_that_are_lost_leave_holes_that_are_counted() -> None:
    assert count_packets(listing(*range(10), *range(20, 30))).missing == 10
    assert count_packets(listing(*range(30))).missing == 0


def test_a_frame_left_out_where_nothing_moves_is_no_hole() -> None:
    assert count_packets(listing(0, 2, 4, 5, 7)).missing == 0


def test_packets_that_know_no_duration_leave_no_holes() -> None:
    assert count_packets(listing(0, 1, 20, 21, length="N/A")).missing == 0


def test_a_leap_of_the_clock_is_no_hole() -> None:
    assert count_packets(listing(0, 1, 1000, 1001)).missing == 0


def test_frames_before_the_first_key_frame_are_counted() -> None:
    begun_late = listing(*range(5)).replace("K", "_") + listing(7, 5, 6, 8)
    assert count_packets(begun_late).leading == 7
    assert count_packets(listing(*range(5))).leading == 0


def test_how_long_holes_and_leaps_are_is_told() -> None:
    found = count_packets(listing(*range(10), *range(20, 30), *range(1029, 1039)))
    assert found.gap_s == pytest.approx(0.4)
    assert found.leap_s == pytest.approx(39.96)


def test_what_comes_before_a_hole_may_have_no_time() -> None:
    lost = listing(*range(10)) + "N/A,N/A,N/A,100,0,K__\n" + listing(*range(20, 30))
    assert count_packets(lost).gap_s == pytest.approx(0.4)


def test_a_packet_holds_no_more_than_its_codec_can() -> None:
    counter = Counter(largest=60)
    counter.take(b"0,0,1,50,44,K__\n1,1,1,90000,94,K__\n")
    found = counter.sum()
    assert (found.held_bytes, found.place) == (110, 44)


def test_a_clock_that_is_rough_steps_back_without_a_joint() -> None:
    assert count_packets(listing(*range(10)) + "0.36,0.345,0.04,9,0,___\n").jumps == 0
    assert count_packets(listing(*range(10)) + "0.16,0.16,0.04,9,0,___\n").jumps == 1


def test_where_only_the_decoding_of_the_last_frames_is_told_their_showing_is_reckoned() -> None:
    # As program streams tell it: frames 0 and 3, 1, 2, and 5, 4; those that are referred to tell
    # when they are decoded, one frame's time before they could be shown.
    told = ("0.04,0,K", "N/A,0.04,_", "0.08,0.08,_", "0.12,0.12,_", "N/A,0.16,_", "0.2,0.2,_")
    lines = (f"{pts},{dts},0.04,9,0,{key}__\n" for pts, dts, key in (x.split(",") for x in told))
    found = count_packets("".join(lines))
    assert (found.first_s, found.last_s, found.end_s) == pytest.approx((0.04, 0.24, 0.28))


def test_empty_packets_show_the_frame_before_once_more() -> None:
    found = count_packets(listing(0, 1) + listing(2, 3).replace("100", "0") + listing(4))
    assert (found.count, found.repeats, found.missing) == (3, 2, 0)
    ended = count_packets(listing(0, 1) + listing(2, 3).replace("100", "0"))
    assert (ended.last_s, ended.end_s) == pytest.approx((0.04, 0.16))
    assert list(found.shown_s) == pytest.approx([0, 0.04, 0.16])
    assert count_packets(listing(0).replace("100", "0")).count == 0


def test_where_nothing_but_their_decoding_is_told_the_first_are_listed() -> None:
    # As AVI tells it; and as a program stream does, and a film without B-frames.
    told = "".join(f"{pts},{n},1,9,0,___\n" for n, pts in enumerate(("N/A", "N/A", "2", "N/A")))
    assert count_packets(told).decoded_s == (0, 1, 2, 3)
    assert len(count_packets(told * 9).decoded_s) == MOST_DELAY + 1
    assert count_packets(told.replace("2,2", "3,2")).decoded_s == ()
    assert count_packets(listing(*range(4))).decoded_s == ()


def test_packets_without_any_time_are_not_shown_behind_what_was_kept_back() -> None:
    # As H.264 in a program stream: only now and then a packet tells when it is decoded and shown.
    told = "0.08,0,0.04,9,0,K__\n" + "N/A,N/A,0.04,9,0,___\n" * 9
    found = count_packets(told + "0.6,0.4,0.04,9,0,___\n" + "N/A,N/A,0.04,9,0,___\n" * 5)
    assert (found.last_s, found.end_s) == pytest.approx((0.68, 0.72))
    assert found.first_s == pytest.approx(0.08)
    assert found.leading == 0


def test_the_times_of_sounds_are_kept_beside_the_packets_that_are_counted() -> None:
    counter = Counter()
    sorter = Sorter(counter, "0", [1, 3])
    told = b"0,0.00,0.00,0.04,9,0,K__\n1,-0.02,-0.02,0.02,9,0,KD_\n1,0.00,0.00,0.02,9,0,K__\n"
    told += b"2,0.00,0.00,0.02,9,0,K__\n3,0.00,0.00,0.02,9,0,K__\n3,N/A,N/A,0.02,9,0,K__\n"
    told += b"1,0.02,0.02,0.02,9,0,K__\n3,0.04,0.04,0.02,9,0,K__\n0,0.04,0.04,0.04,9,0,K__\n"
    for at in range(0, len(told), 7):
        sorter.take(told[at : at + 7])
    assert counter.sum().count == 2
    assert {index: list(times) for index, times in sorter.heard_s.items()} == {1: [0, 0.02], 3: []}


def test_a_packet_that_is_cut_to_less_than_nothing_lasts_for_no_time() -> None:
    # As ffprobe tells of an Ogg of a millisecond.
    told = b"0.000,0.000,0.002667,34,3350,K__\n0.002667,0.002667,89478.483667,34,3350,K__\n"
    for container, ends_s in (("ogg", 0.002667), ("mov", 89478.486334)):
        counter = Counter(endless_s=ENDLESS_S.get(container, math.inf))
        counter.take(told)
        assert counter.sum().end_s == pytest.approx(ends_s)


def test_so_many_packets_of_sound_that_they_would_fill_the_memory_are_not_kept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("pipeline.media.packets.MOST_HEARD", 5)
    counter = Counter()
    sorter = Sorter(counter, "0", [1, 2])
    for at in range(4):
        sorter.take("".join(f"{n},{at},{at},1,9,0,K__\n" for n in range(3)).encode())
    assert counter.sum().count == 4
    assert not any(sorter.heard_s.values())
