"""Moments: when the next of a kind comes, also where clocks are put forward and back.

A cron line names times of the clock on the wall. Where the line names hours, each of its times
comes once a day: one that is left out when clocks go forward comes the moment they have, one that
is there twice when they go back comes the first time (as Debian's cron does it, cron(8)). A line
for every hour means that much time between its runs, and follows what really passes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

#: When the next moment after a given one comes; None for never again.
Next = Callable[[datetime], datetime | None]

_MINUTE = timedelta(minutes=1)
_DAY = timedelta(days=1)
#: 29 February on a certain day of the week comes back within this many days, also where a
#: century has no leap year.
_LONGEST_WAIT_D = 41 * 366
_HOURS_A_DAY = 24


@dataclass(frozen=True)
class Cron:
    """What a cron line means: numbers of each field; Sunday is 0. All of them must fit."""

    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]

    def fits(self, day: date) -> bool:
        """Whether it comes on this day at all."""
        return (
            day.month in self.months
            and day.day in self.days
            and day.isoweekday() % 7 in self.weekdays
        )


def next_cron(cron: Cron, zone: ZoneInfo, after: datetime) -> datetime | None:
    """Give the first moment after `after`, in UTC; None when there is none in a lifetime."""
    # A time that is left out may come on the next day, where clocks go forward at midnight.
    day = after.astimezone(zone).date() - _DAY
    for _ in range(_LONGEST_WAIT_D):
        if cron.fits(day):
            for moment in _moments(cron, zone, day):
                if moment > after:
                    return moment
        day += _DAY
    return None


@lru_cache(maxsize=256)
def _moments(cron: Cron, zone: ZoneInfo, day: date) -> tuple[datetime, ...]:
    every_hour = len(cron.hours) == _HOURS_A_DAY
    found = set()
    for hour in cron.hours:
        for minute in cron.minutes:
            wall = datetime.combine(day, time(hour, minute))
            if not every_hour:
                found.add(on_the_wall(wall, zone))
            elif _exists(wall, zone):
                found |= {wall.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1)}
    return tuple(sorted(found))


def on_the_wall(wall: datetime, zone: ZoneInfo) -> datetime:
    """Give the moment, in UTC, at which clocks of the zone show `wall` (without a zone) first.

    Where they are put forward past it, that is the moment at which they are.
    """
    while not _exists(wall, zone):
        wall += _MINUTE
    return wall.replace(tzinfo=zone, fold=0).astimezone(UTC)


def _exists(wall: datetime, zone: ZoneInfo) -> bool:
    there = wall.replace(tzinfo=zone).astimezone(UTC).astimezone(zone)
    return there.replace(tzinfo=None) == wall


def once(at: datetime) -> Next:
    """Come at one moment, and never again."""
    return lambda after: at if at > after else None


def put_off(name: str, base: Next, jitter_s: int) -> Next:
    """Let each moment come a little later, by at most `jitter_s`.

    By how much follows from the name and the moment alone: asked again, also by somebody else, it
    is the same.
    """
    if jitter_s <= 0:
        return base

    def following(after: datetime) -> datetime | None:
        first: datetime | None = None
        moment = base(after - timedelta(seconds=jitter_s))
        # One that is put off for long may be overtaken by the next, and still comes.
        while moment is not None and (first is None or moment < first):
            late = moment + timedelta(seconds=chance(f"{name} {moment.isoformat()}", jitter_s))
            if late > after and (first is None or late < first):
                first = late
            moment = base(moment)
        return first

    return following


def chance(seed: str, most: int) -> int:
    """Choose a number from 0 to `most`, always the same for a seed."""
    return int.from_bytes(hashlib.sha256(seed.encode()).digest()[:8]) % (most + 1)
