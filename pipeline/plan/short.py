"""Short: whether an encode is over so soon that the next one may be made ready meanwhile."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.plan.encodes import COST
from pipeline.plan.holding import shown_again

if TYPE_CHECKING:
    from pipeline.plan.encodes import EncodeUnit
    from pipeline.plan.plan import Plan

#: A longer source, seconds, is none of a short encode: sound alone takes its time, too.
LONGEST_S = 10.0
#: The most pixels of a short encode, weighed by what their codec costs: about five seconds of x264
#: on two cores.
MOST_PIXELS = 300_000_000


def is_short(plan: Plan, unit: EncodeUnit) -> bool:
    """Whether the unit takes a few seconds at most, as its length and its pixels tell.

    Who makes the next one ready then keeps it from other workers no longer than that.
    """
    if plan.duration_s > LONGEST_S:
        return False
    again, video = shown_again(plan), plan.source.video
    frames = (again.frames if again else 0) + (video.frames if video else 0)
    made = [one for one in plan.videos if one.name in unit.renditions]
    return frames * sum(one.width * one.height * COST[one.codec] for one in made) <= MOST_PIXELS
