"""Frame rate: what a picture's frames really are a second, whatever its container's clock says."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

#: Rates that pictures are made at. What is measured within a thousandth is one of these.
USUAL = (
    *(Fraction(24_000, 1001), Fraction(24), Fraction(25), Fraction(30_000, 1001), Fraction(30)),
    *(Fraction(48), Fraction(50), Fraction(60_000, 1001), Fraction(60), Fraction(100)),
    *(Fraction(120_000, 1001), Fraction(120)),
)
TOLERANCE = Fraction(1, 1000)
#: How far from its moment a frame of a steady picture may be shown, as a share of its time.
STEADY = 0.25
#: Frames from one to another over which the highest rate is measured: fewer would take rounded
#: times for a rate of their own.
RUN = 12
#: How far rounded times may take a run from its rate, as a share.
ROUNDED_RUN = Fraction(1, 200)
#: How exactly any other rate is told: 2.996 frames a second are 749/250.
FINEST = 1000


def frame_rate(frames: int, first_s: float | None, last_s: float | None) -> Fraction | None:
    """Give the average rate of so many frames, shown from `first_s` to `last_s` (in seconds).

    It is a usual rate when it is one but for rounded timestamps. None for a single frame, which
    has no rate.
    """
    if first_s is None or last_s is None or frames < 2 or last_s <= first_s:  # noqa: PLR2004
        return None
    measured = Fraction(frames - 1) / Fraction(last_s - first_s).limit_denominator(1_000_000)
    near = min(USUAL, key=lambda usual: abs(usual - measured))
    if abs(near - measured) <= near * TOLERANCE:
        return near
    return max(measured.limit_denominator(FINEST), Fraction(1, FINEST))


class FrameRates(NamedTuple):
    """Frames a second: on average, which DASH wants to know, and at most, which HLS does."""

    average: Fraction
    most: Fraction


def frame_rates(shown_s: Sequence[float]) -> FrameRates | None:
    """Give the rates of frames shown at these moments, in order; None where there are none.

    A first frame that is held for long, because the sound began before the picture, says nothing.
    """
    always = steady(shown_s) or steady(shown_s[1:])
    if always is not None:
        return FrameRates(always.rate, always.rate)
    average = frame_rate(len(shown_s), shown_s[0], shown_s[-1]) if shown_s else None
    if average is None:
        return None
    runs_s = (end - begin for begin, end in zip(shown_s, shown_s[RUN:], strict=False))
    return FrameRates(average, max(average, _rate_of_run(min(runs_s, default=0.0)) or average))


def _rate_of_run(length_s: float) -> Fraction | None:
    """Give the rate of a run of frames, a usual one where it may be that; None for no length."""
    if length_s <= 0:
        return None
    measured = RUN / Fraction(length_s).limit_denominator(FINEST * FINEST)
    near = min(USUAL, key=lambda usual: abs(usual - measured))
    return near if abs(near - measured) <= near * ROUNDED_RUN else measured


class Steady(NamedTuple):
    """A rate that never varies, and how far from its time any frame is at most, seconds."""

    rate: Fraction
    off_s: float


def steady(shown_s: Sequence[float]) -> Steady | None:
    """Give the rate of frames shown at these moments (seconds, in any order), if it never varies.

    Each must come within a quarter of a frame's time of when the rate says: containers round.
    """
    at_s = sorted(shown_s)
    rate = frame_rate(len(at_s), at_s[0], at_s[-1]) if at_s else None
    if rate is None:
        return None
    frame_s = float(1 / rate)
    off_s = max(abs(one - at_s[0] - number * frame_s) for number, one in enumerate(at_s))
    return Steady(rate, off_s) if off_s <= frame_s * STEADY else None


def hls_rate(rate: Fraction) -> str:
    """Write a rate as HLS does: a decimal with three places."""
    return f"{float(rate):.3f}"


def dash_rate(rate: Fraction) -> str:
    """Write a rate as DASH does: a whole number, or a fraction."""
    whole = rate.denominator == 1
    return str(rate.numerator) if whole else f"{rate.numerator}/{rate.denominator}"
