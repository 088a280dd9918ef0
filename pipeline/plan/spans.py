"""Spans: a key frame opens each, at the same time in every picture.

A span is as long as the profile's `gop_seconds`. What opens it is the first frame that is shown
in it, or `TOLERANCE_S` before: that frame's time may have been rounded.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fractions import Fraction

#: How much too early a frame may come and still open a span, seconds: the coarsest of usual
#: containers (Matroska) rounds to milliseconds. No usual clock has a tick so long before a span:
#: a time on the very edge would be judged by how a sum is rounded.
TOLERANCE_S = 0.00105
#: Moments are told to ffmpeg in microseconds, and read from it so; a few of them.
SLACK_S = 0.00001


def opens_s(number: int, span_s: float) -> float:
    """Give the moment from which on a frame opens this span, seconds; the first one is 0."""
    return max(number * span_s - TOLERANCE_S, 0.0)


def asked_for(span_s: float, after_s: float | None = None) -> str:
    """Ask for a key frame in each span, on its first frame, as an expression.

    What comes from `after_s` on is a key frame too, where that is given.

    A count of those already made (`n_forced`) would, after a gap in the timestamps, turn every
    frame into a key frame until it had caught up. ffmpeg's `t` counts from the first frame that
    comes to be encoded: what does not begin at 0 needs `asked_for_in`.
    """
    # A frame that rounding left just before its time still opens the span.
    length = f"{span_s:.12g}"
    span = f"floor((t+{TOLERANCE_S})/{length})"
    last = f"floor((prev_forced_t+{TOLERANCE_S})/{length})"
    also = "" if after_s is None else f"+gte(t,{after_s:.6f})"
    return f"expr:if(isnan(prev_forced_t),1,gt({span},{last}){also})"


def asked_for_in(span_s: float, after_s: float | None, end_s: float) -> str:
    """Ask for the same key frames in a part, as a list of times on the clock of the whole.

    `after_s` is when the last frame before the part is shown, None where the part begins with the
    whole; `end_s` is when the part is over. The part's first frame is one of those asked for.
    """
    first = 0 if after_s is None else math.floor((after_s + TOLERANCE_S) / span_s) + 1
    last = max(first, math.ceil((end_s + TOLERANCE_S) / span_s))
    return ",".join(f"{opens_s(number, span_s):.6f}" for number in range(first, last + 1))


def opener(
    number: int, span_s: float, first_s: float, rate: Fraction, unsteady_s: float
) -> int | None:
    """Number the frame that opens a span; None where that is not certain.

    The frames come at `rate` from `first_s` on, each up to `unsteady_s` before or after its time.
    """
    opening = (number * span_s - TOLERANCE_S - first_s) * float(rate)
    frame = math.ceil(opening)
    margin = (unsteady_s + SLACK_S) * float(rate)
    return frame if margin <= frame - opening <= 1 - margin else None
