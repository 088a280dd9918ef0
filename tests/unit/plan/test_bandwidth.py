from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as some

from pipeline.plan.bandwidth import Rates, Segment, dash_bandwidth, hls_rates, rate

lengths = some.builds(Segment, some.integers(1, 10_000_000), some.floats(0.01, 8, allow_nan=False))


def test_the_peak_is_the_largest_rate_of_segments_about_as_long_as_the_target() -> None:
    calm, busy = Segment(500_000, 4.0), Segment(1_000_000, 4.0)
    assert hls_rates([calm, busy, calm], 4.0) == Rates(2_000_000, 1_333_334)


def test_a_short_last_segment_counts_only_with_the_one_before_it() -> None:
    whole, last = Segment(500_000, 4.0), Segment(500_000, 0.5)
    assert hls_rates([whole, whole, last], 4.0).peak == 1_777_778


def test_what_is_shorter_than_any_run_is_its_own_peak() -> None:
    assert hls_rates([Segment(1000, 0.04)], 1.0) == Rates(200_000, 200_000)


def test_no_segments_and_no_time_are_no_rate() -> None:
    assert hls_rates([], 4.0) == Rates(0, 0)
    assert rate([Segment(10, 0.0)]) == 0


@given(some.lists(lengths, min_size=1, max_size=30))
def test_the_peak_is_never_below_the_average(segments: list[Segment]) -> None:
    rates = hls_rates(segments, 4.0)
    assert rates.peak >= rates.average >= rate(segments)


def test_dash_needs_the_rate_of_its_largest_segment_when_all_are_as_long_as_the_buffer() -> None:
    calm, busy = Segment(500_000, 4.0), Segment(1_000_000, 4.0)
    assert abs(dash_bandwidth([calm, busy, calm], 4.0) - 2_000_000) <= 3


@given(some.lists(lengths, min_size=1, max_size=12), some.sampled_from([2.0, 4.0, 6.0]))
def test_at_its_bandwidth_dash_plays_from_any_segment_on(
    segments: list[Segment], buffer_s: float
) -> None:
    bandwidth = dash_bandwidth(segments, buffer_s)
    for first in range(len(segments)):
        received, shown_s = 0, 0.0
        for segment in segments[first:]:
            received += segment.bits
            assert received <= bandwidth * (buffer_s + shown_s) * (1 + 1e-9)
            shown_s += segment.seconds
