"""Frame rate: what a picture's frames really are a second, whatever its container's clock says."""

from __future__ import annotations

from fractions import Fraction

#: Rates that pictures are made at. What is measured within a thousandth is one of these.
USUAL = (
    *(Fraction(24_000, 1001), Fraction(24), Fraction(25), Fraction(30_000, 1001), Fraction(30)),
    *(Fraction(48), Fraction(50), Fraction(60_000, 1001), Fraction(60), Fraction(100)),
    *(Fraction(120_000, 1001), Fraction(120)),
)
TOLERANCE = Fraction(1, 1000)
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


def hls_rate(rate: Fraction) -> str:
    """Write a rate as HLS does: a decimal with three places."""
    return f"{float(rate):.3f}"


def dash_rate(rate: Fraction) -> str:
    """Write a rate as DASH does: a whole number, or a fraction."""
    whole = rate.denominator == 1
    return str(rate.numerator) if whole else f"{rate.numerator}/{rate.denominator}"
