"""Bandwidth: what HLS and DASH are to say of a rendition, from its segments' sizes and lengths."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

#: Shares of the target duration between which a run of segments counts for the peak (RFC 8216,
#: 4.1): shorter ones say little of what a player needs, longer ones hide it.
SHORTEST_RUN, LONGEST_RUN = 0.5, 1.5
#: How often the interval that holds DASH's bandwidth is halved: to a millionth of it.
HALVINGS = 20


@dataclass(frozen=True)
class Segment:
    """One segment of a rendition: its size in bytes, how long it is shown in seconds."""

    bytes: int
    seconds: float

    @property
    def bits(self) -> int:
        """Its size in bits."""
        return self.bytes * 8


@dataclass(frozen=True)
class Rates:
    """Bits a second of a rendition: at most over a target duration, and on average."""

    peak: int
    average: int

    def __add__(self, other: Rates) -> Rates:
        return Rates(self.peak + other.peak, self.average + other.average)


NOTHING = Rates(0, 0)


def hls_rates(segments: Sequence[Segment], target_s: float) -> Rates:
    """Give the rates as RFC 8216 defines them, for a playlist of this target duration.

    The peak is the largest rate of any run of segments that together last between a half and one
    and a half of the target duration. All of them are such a run where none is.
    """
    average = rate(segments)
    peak = max((*_runs(segments, target_s), average))
    return Rates(math.ceil(peak), math.ceil(average))


def _runs(segments: Sequence[Segment], target_s: float) -> list[float]:
    found = []
    for first in range(len(segments)):
        bits, seconds = 0, 0.0
        for segment in segments[first:]:
            bits, seconds = bits + segment.bits, seconds + segment.seconds
            if seconds > target_s * LONGEST_RUN:
                break
            if seconds >= target_s * SHORTEST_RUN:
                found.append(bits / seconds)
    return found


def rate(segments: Sequence[Segment]) -> float:
    """Give the average of bits a second; 0 for what lasts no time."""
    seconds = sum(segment.seconds for segment in segments)
    return sum(segment.bits for segment in segments) / seconds if seconds > 0 else 0.0


def dash_bandwidth(segments: Sequence[Segment], buffer_s: float) -> int:
    """Give the bits a second at which it can be played from any segment on without a pause.

    As ISO/IEC 23009-1 defines `@bandwidth`: whoever receives so many, and begins to play after
    `buffer_s` seconds (`@minBufferTime`), has every segment before it is to be shown.
    """
    low, high = 0.0, max((segment.bits for segment in segments), default=0) / buffer_s
    high = max(high, *_own_rates(segments), 1.0)
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        if _suffices(middle, segments, buffer_s):
            high = middle
        else:
            low = middle
    return math.ceil(high)


def _own_rates(segments: Sequence[Segment]) -> list[float]:
    return [0.0, *(one.bits / one.seconds for one in segments if one.seconds > 0)]


def _suffices(bandwidth: float, segments: Sequence[Segment], buffer_s: float) -> bool:
    """Whether no segment comes too late at this bandwidth, whichever the player began with."""
    owed = 0.0
    for segment in segments:
        # What is still to be received of the worst start's segments, up to this one.
        owed = max(owed, 0.0) + segment.bits
        if owed > bandwidth * buffer_s:
            return False
        owed -= bandwidth * segment.seconds
    return True
