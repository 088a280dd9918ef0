"""Jitter: how far the times of sound lie around steady ones, though nothing of it is lost.

Recorders note when sound reached them, and that may be early or late by a few packets' time. A
time that comes back within some packets is such a one; what stays later follows a hole, and what
stays earlier lies over what came before.
"""

from __future__ import annotations

import math
from itertools import islice, pairwise
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

#: How many packets before and after one tell its steady time: what is off for longer stays so. Of
#: few packets, no more than a quarter of all.
AROUND = 12
#: What is off by less than this is as it should be, seconds: containers round to milliseconds.
ROUGH_S = 0.004
#: Where few packets follow each other as they should, or there are very many, their length is
#: measured over so many of them, at so many places.
RUN, PLACES = 64, 1000
#: Where hours of packets are all early or late, so many of them tell by how much.
ENOUGH = 100_000


#: What comes early and late by more than this, seconds, would be filled and cut (`sound`).
MUCH_S = 0.08
#: On average over twice as many packets nothing of that is left, and so often at least it must
#: come and go: a hole comes once.
LEVEL, TURNS = 64, 4
#: By how much the level may rise or sink, seconds.
LEVEL_S = 0.05


class Jitter(NamedTuple):
    """How far apart the earliest and the latest are around their times, and how early the first is.

    Both in seconds; what comes late is early by less than nothing.
    """

    apart_s: float
    early_s: float


def jitter(at_s: Sequence[float], padding_s: float = 0.0) -> Jitter | None:
    """Measure the jitter of packets of equal length that come at these moments, in seconds.

    The first that is heard comes after `padding_s`, which decoders leave out. None where there are
    too few of them to tell, or time stands still.
    """
    around = min(AROUND, len(at_s) // 4)
    if not around:
        return None
    length_s = _length_s(at_s)
    if length_s <= 0:
        return None
    rough = islice(_rough(at_s, length_s, around), ENOUGH)
    late_s = [_late_s(at_s, length_s, place, around) for place in rough]
    apart_s = max(late_s, default=0.0) - min(late_s, default=0.0)
    if apart_s <= ROUGH_S:
        return Jitter(0.0, 0.0)
    first = min(math.floor(padding_s / length_s + ROUGH_S), len(at_s) - 1)
    begins_s = [at - n * length_s for n, at in enumerate(at_s[first : first + 2 * around])]
    early_s = _median(begins_s) - begins_s[0]
    # What is off by more than any other begins before a hole.
    return Jitter(apart_s, early_s if abs(early_s) <= apart_s else 0.0)


def comes_in_bursts(at_s: Sequence[float], length_s: float) -> bool:
    """Whether packets that are so long come early and late by turns by `MUCH_S`, and none is lost.

    Then their times say nothing but when the first of them comes.
    """
    seldom = range(0, len(at_s) - LEVEL, LEVEL)
    level_s = LEVEL * length_s
    if not any(abs(at_s[n + LEVEL] - at_s[n] - level_s) > MUCH_S / 2 for n in seldom):
        return False
    late_s = [at - n * length_s for n, at in enumerate(at_s)]
    levels_s = [sum(late_s[n : n + 2 * LEVEL]) / (2 * LEVEL) for n in seldom[:-1]]
    if not levels_s or max(levels_s) - min(levels_s) > LEVEL_S:
        return False
    if max(late_s) - min(late_s) <= MUCH_S:
        return False
    middle_s = (max(late_s) + min(late_s)) / 2
    return sum((a > middle_s) != (b > middle_s) for a, b in pairwise(late_s)) >= TURNS


def _length_s(at_s: Sequence[float]) -> float:
    """Measure how long a packet is, whatever is rounded, and wherever there are holes."""
    run = min(RUN, len(at_s) - 1)
    places = range(0, len(at_s) - run, max(1, (len(at_s) - run) // PLACES))
    # Of millions, those of all that time would need a hundred times the memory.
    runs = [at_s] if len(at_s) <= RUN * PLACES else [at_s[n : n + run] for n in places]
    steps_s = [after - before for one in runs for before, after in pairwise(one)]
    usual_s = _median(steps_s)
    near_s = [step for step in steps_s if abs(step - usual_s) <= ROUGH_S]
    if len(near_s) > len(steps_s) / 2:
        return sum(near_s) / len(near_s)
    return _median([at_s[n + run] - at_s[n] for n in places]) / run


def _rough(at_s: Sequence[float], length_s: float, around: int) -> Iterator[int]:
    """Number the packets near one that does not come when the one before is over."""
    done = around
    for number, (before, after) in enumerate(pairwise(at_s), 1):
        if abs(after - before - length_s) > ROUGH_S:
            last = min(number + around, len(at_s) - around)
            yield from range(max(done, number - around), last)
            done = max(done, last)


def _late_s(at_s: Sequence[float], length_s: float, place: int, around: int) -> float:
    """Tell by how much a packet is late beside those around it: what steps and stays so is not."""
    beside = range(place - around, place + around + 1)
    return at_s[place] - _median([at_s[n] - (n - place) * length_s for n in beside])


def _median(values: list[float]) -> float:
    return sorted(values)[len(values) // 2]
