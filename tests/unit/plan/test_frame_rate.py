from __future__ import annotations

from fractions import Fraction

import pytest

from pipeline.plan.frame_rate import (
    STEADY,
    USUAL,
    dash_rate,
    frame_rate,
    frame_rates,
    hls_rate,
    steady,
)


@pytest.mark.parametrize("usual", USUAL)
def test_timestamps_in_milliseconds_hide_no_usual_rate(usual: Fraction) -> None:
    last_s = round(float(299 / usual), 3)
    assert frame_rate(300, 0.0, last_s) == usual


def test_film_is_told_from_its_american_twin() -> None:
    film, twin = frame_rate(240, 0.0, 9.958), frame_rate(240, 0.0, 9.968)
    assert film is not None
    assert twin is not None
    assert (hls_rate(film), hls_rate(twin)) == ("24.000", "23.976")
    assert (dash_rate(film), dash_rate(twin)) == ("24", "24000/1001")


def test_any_other_rate_is_the_average() -> None:
    found = frame_rate(1189, 0.0, 1188 * 6 / 179)
    assert found is not None
    assert hls_rate(found) == "29.833"
    assert dash_rate(found) == "179/6"


@pytest.mark.parametrize(("rate", "hls"), [(Fraction(1), "1.000"), (Fraction(1, 10), "0.100")])
def test_slides_have_a_rate_too(rate: Fraction, hls: str) -> None:
    found = frame_rate(11, 0.0, float(10 / rate))
    assert found is not None
    assert hls_rate(found) == hls


@pytest.mark.parametrize("times", [(1, 0.0, 0.0), (0, None, None), (2, 1.0, 1.0)])
def test_a_single_picture_has_no_rate(times: tuple[int, float | None, float | None]) -> None:
    assert frame_rate(*times) is None


def test_a_steady_rate_tells_how_far_frames_are_off() -> None:
    exact = steady([number / 25 for number in range(100)])
    rounded = steady([round(number * 1.001 / 30, 3) for number in range(100)])
    assert exact is not None
    assert rounded is not None
    assert exact.rate == Fraction(25)
    assert exact.off_s == pytest.approx(0, abs=1e-9)
    assert rounded.rate == Fraction(30_000, 1001)
    assert rounded.off_s == pytest.approx(0.0005, abs=0.00001)


def test_a_rate_that_varies_is_none() -> None:
    late = [number / 25 + (STEADY + 0.01) / 25 * (number == 50) for number in range(100)]
    assert steady(late) is None
    assert steady([]) is None


@pytest.mark.parametrize("usual", USUAL)
def test_a_steady_picture_has_one_rate_also_after_a_frame_that_is_held(usual: Fraction) -> None:
    times = [round(float(number / usual), 3) for number in range(100)]
    assert frame_rates(times) == (usual, usual)
    assert frame_rates([0.0, *(1.5 + at for at in times)]) == (usual, usual)


def test_of_a_changing_rate_the_average_and_the_highest_are_told() -> None:
    screen = [*(number / 10 for number in range(20)), *(2 + number / 50 for number in range(100))]
    found = frame_rates(screen)
    assert found is not None
    assert found.most == 50
    assert float(found.average) == pytest.approx(119 / 3.98, rel=0.001)


def test_rounded_times_are_no_rate_of_their_own() -> None:
    dropping = [round(number / 30, 3) for number in range(300) if number % 20]
    found = frame_rates(dropping)
    assert found is not None
    assert found.most == 30


def test_a_few_frames_have_their_average_and_one_has_none() -> None:
    found = frame_rates([0.0, 2.0, 2.5])
    assert found is not None
    assert found.most == found.average
    assert frame_rates([0.0]) is None
    assert frame_rates([]) is None
    assert frame_rates([0.0] * 20) is None
