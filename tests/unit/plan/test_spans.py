"""Key frames of ranges lie where those of one whole encode do, whatever rate and clock there is."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from fractions import Fraction

import pytest

from pipeline.plan.capacity import Capacity, EncodeWorker
from pipeline.plan.frame_rate import USUAL, steady
from pipeline.plan.plan import Plan, make_plan
from pipeline.plan.range_argv import key_frames_in
from pipeline.plan.source import Source
from pipeline.plan.spans import SLACK_S, TOLERANCE_S, asked_for, asked_for_in, opener
from pipeline.settings.profiles import Profile
from tests.unit.plan.sources import source

TWO = Capacity(workers=(EncodeWorker(name="encode@a", slots=2),))
Clock = Callable[[float], float]
#: What containers make of a moment: ticks a second, and how they round to one.
CLOCKS: dict[str, Clock] = {
    "as fine as it needs to be": lambda at: at,
    "90 000 ticks": lambda at: round(at * 90_000) / 90_000,
    "600 ticks": lambda at: round(at * 600) / 600,
    "Matroska": lambda at: round(at * 1000) / 1000,
    "Matroska, cut off": lambda at: math.floor(at * 1000) / 1000,
    "Matroska, begun late": lambda at: round((at + 1 / 128) * 1000) / 1000,
}


def whole(shown: list[float], span_s: float) -> set[int]:
    """Number the frames that the expression makes key frames, as ffmpeg reckons in doubles."""
    found, last = set(), math.nan
    for number, at in enumerate(shown):
        span = math.floor((at + TOLERANCE_S) / span_s)
        if math.isnan(last) or span > math.floor((last + TOLERANCE_S) / span_s):
            found.add(number)
            last = at
    return found


def listed(shown: list[float], times: str) -> set[int]:
    """Number the frames that a list makes key frames: each time the next one from there on."""
    wanted = [float(one) for one in times.split(",")]
    found, index = set(), 0
    for number, at in enumerate(shown):
        if index < len(wanted) and at >= wanted[index]:
            found.add(number)
            index += 1
    return found


def film(shown: list[float], rate: Fraction) -> Source:
    steadily = steady([round(at, 6) for at in shown])
    assert steadily is not None
    made = source(
        frames=len(shown),
        first_pts_s=round(shown[0], 6),
        last_pts_s=round(shown[-1], 6),
        steady_rate=steadily.rate,
        unsteady_s=steadily.off_s,
        key_frames=len(shown) // 25,
    )
    return made.model_copy(update={"duration_s": shown[-1] + float(1 / rate)})


def ranges_of(plan: Plan) -> Iterator[tuple[int, int, str]]:
    """Give each range's first frame, the one after its last, and when key frames are asked for."""
    begun = 0
    for unit in plan.ranges:
        after = begun + (unit.frames or 0)
        yield begun, after, key_frames_in(plan, unit)
        begun = after


@pytest.mark.parametrize("clock", CLOCKS.values(), ids=CLOCKS)
@pytest.mark.parametrize("rate", [*USUAL, Fraction(179, 6), Fraction(15)], ids=str)
def test_ranges_have_the_key_frames_of_the_whole(rate: Fraction, clock: Clock) -> None:
    for seconds, gop_s in ((64, 2.0), (131, 2.0), (47, 0.5), (90, 1.001), (97, 10 / 3)):
        shown = [clock(number / float(rate)) for number in range(int(seconds * rate))]
        profile = Profile.model_validate({"video": {"gop_seconds": gop_s}})
        plan = make_plan(film(shown, rate), profile, TWO)
        assert len(plan.ranges) > 1
        # The whole's first frame is shown from the beginning, and so is that of the first range.
        shown[0] = 0.0
        wanted, found = whole(shown, gop_s), set()
        for begun, after, times in ranges_of(plan):
            assert begun in wanted
            found |= {begun + one for one in listed(shown[begun:after], times)}
        assert found == wanted


@pytest.mark.parametrize("early_s", [0.0, 0.0005, 0.001])
def test_a_frame_that_rounding_left_before_its_span_opens_it(early_s: float) -> None:
    assert opener(2, 2.0, 0.0, Fraction(25), early_s) == 100


def test_where_times_waver_more_than_is_passed_over_nothing_is_certain() -> None:
    assert opener(2, 2.0, 0.0, Fraction(25), TOLERANCE_S) is None
    # Between two frames there is room for it.
    assert opener(2, 2.0, 0.02, Fraction(25), 0.015) == 100
    assert opener(2, 2.0, 0.02, Fraction(25), 0.02) is None


def test_the_expression_and_the_list_ask_for_the_same() -> None:
    assert asked_for(0.5).startswith("expr:")
    assert "/0.5)" in asked_for(0.5)
    assert "/3.33333333333)" in asked_for(10 / 3)
    assert asked_for_in(2.0, None, 3.9) == "0.000000,1.998950,3.998950"
    assert asked_for_in(2.0, 3.96, 8.0) == "3.998950,5.998950,7.998950,9.998950"


def test_no_usual_clock_has_a_tick_on_the_edge_of_a_span() -> None:
    for ticks in (1000, 90_000, 48_000, 44_100, 30_000, 24_000, 15_360, 12_800, 600):
        off = Fraction(str(TOLERANCE_S)) * ticks % 1
        assert min(off, 1 - off) / ticks > Fraction(str(SLACK_S)) / 3
