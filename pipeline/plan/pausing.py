"""Pausing: parts of a picture whose frames are shown for long, as those of slides.

A part may begin, or lie as a whole, while a frame is shown that came before it: that one is shown
from its beginning on. And its last frame may be shown for longer than the part goes on.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from pipeline.plan.holding import OFTEN, OFTEN_S, ROUNDING_S, SELDOM, held, is_still

if TYPE_CHECKING:
    from pipeline.plan.plan import Plan

#: A frame that is shown for longer, seconds, is missed where a part begins with the next.
PAUSE_S = 0.2


class Ticks(NamedTuple):
    """How often what is shown at that moment is a frame of its own, from a part's beginning on.

    First `seldom` times, `SELDOM` a second, then `often` times, `OFTEN` a second.
    """

    seldom: int
    often: int

    @property
    def frames(self) -> int:
        """How many there are in all."""
        return self.seldom + self.often


def ticks(plan: Plan) -> Ticks | None:
    """Say when a part needs frames of its own; None where it is none, or no frame is shown so long.

    Where it may be a single frame it is shown again and again, as `holding` tells why; where the
    last one is held it is, too.
    """
    video = plan.source.video
    if video is None or plan.profile.trim is None or plan.source.joined or is_still(plan):
        return None
    holds = held(plan) is not None
    last_s = video.last_pts_s - plan.source.start_s
    ends_s = plan.source.duration_s - last_s if plan.end_s > last_s and not holds else 0.0
    if max(video.longest_s, ends_s) <= PAUSE_S:
        return None
    if holds or (plan.duration_s > video.longest_s and plan.start_s < last_s):
        return Ticks(0, 1)
    seldom = max(math.ceil((plan.duration_s - OFTEN_S) * SELDOM), 0)
    often = math.ceil((plan.duration_s - seldom / SELDOM - ROUNDING_S) * OFTEN)
    return Ticks(seldom, max(often, 1))


def end_options(plan: Plan) -> dict[str, str]:
    """Give the option by which the last frame of such a part is shown to its end; maybe none.

    It must be the last one to be coded, too.
    """
    if ticks(plan) is None:
        return {}
    length = f"if(eq(NEXT_PTS,NOPTS),{plan.duration_s:.6f}/TB-PTS,DURATION)"
    return {"bsf:v": f"setts=pts=PTS:dts=DTS:duration='{length}'"}
