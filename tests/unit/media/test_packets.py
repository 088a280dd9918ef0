from __future__ import annotations

from pipeline.media.packets import count_packets


def listing(*frames: int, length: str = "0.04") -> str:
    return "".join(f"{n * 0.04:.2f},{n * 0.04:.2f},{length},K__\n" for n in frames)


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
