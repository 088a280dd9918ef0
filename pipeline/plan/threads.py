"""Threads of x264: as many for all pictures of one command as it would take for one alone.

x264 takes one and a half times as many threads as there are cores, for each picture, and does not
know of the others (x264, `x264_threads_auto`): five rungs on two cores are fifteen, which wait for
each other. The pictures are encoded side by side anyway, so each needs only its share.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from pipeline.plan.encodes import COST

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipeline.plan.renditions import VideoRendition

#: How many threads x264 takes for each core.
A_CORE = 1.5


def x264_threads(pictures: Sequence[VideoRendition], cores: int) -> dict[str, int]:
    """Choose how many threads encode each picture that one command makes, by name.

    By its share of the work, which is that of pixels times what its codec costs; at least one.
    """
    work = {one.name: one.width * one.height * COST[one.codec] for one in pictures}
    whole = sum(work.values())
    return {name: math.ceil(A_CORE * cores * part / whole) for name, part in work.items()}
