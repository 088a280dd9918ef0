"""Windows: the hours in which heavy work is done, and until when it waits outside them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from pipeline.plan.moments import on_the_wall
from pipeline.settings.hours import hours

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pipeline.settings.schedules import ScheduleEntry

#: A window that opens once a week opens within this many days.
_AHEAD_D = 9


@dataclass(frozen=True)
class Window:
    """When heavy work is done: from `opens` on each of `days` (Sunday is 0), for so long.

    `profiles` are those it is for, empty for all; jobs of at least the priority `urgent` don't
    wait for it.
    """

    opens: time
    lasts: timedelta
    days: frozenset[int]
    zone: ZoneInfo
    profiles: tuple[str, ...] = ()
    urgent: int | None = None

    @classmethod
    def of(cls, entry: ScheduleEntry) -> Window:
        """Take what an entry of schedules.yml says."""
        opens, lasts = hours(entry.window or "00:00-24:00")
        return cls(
            opens,
            lasts,
            numbers(entry.days),
            ZoneInfo(entry.timezone),
            entry.profiles,
            entry.urgent,
        )

    def concerns(self, profile: str, priority: int) -> bool:
        """Whether jobs of this profile and priority wait for it."""
        urgent = self.urgent is not None and priority >= self.urgent
        return not urgent and (not self.profiles or profile in self.profiles)

    def spans(self, around: datetime) -> Iterator[tuple[datetime, datetime]]:
        """Give when it opens and closes, from the day before `around` on, in UTC."""
        first = around.astimezone(self.zone).date() - timedelta(days=1)
        for ahead in range(_AHEAD_D):
            day = first + timedelta(days=ahead)
            if day.isoweekday() % 7 in self.days:
                opens = datetime.combine(day, self.opens)
                yield on_the_wall(opens, self.zone), on_the_wall(opens + self.lasts, self.zone)


def numbers(field: str) -> frozenset[int]:
    """Read a checked field of cron for the days of the week."""
    found: set[int] = set()
    for term in field.split(","):
        span, _, step = term.partition("/")
        first, _, last = ("0-6" if span == "*" else span).partition("-")
        found |= set(range(int(first), int(last or first) + 1, int(step or 1)))
    return frozenset(found)


def windows_of(entries: Iterable[ScheduleEntry]) -> tuple[Window, ...]:
    """Give the windows among the entries of schedules.yml; one that is not enabled is none."""
    return tuple(Window.of(one) for one in entries if one.window is not None and one.enabled)


def closed_until(
    windows: Iterable[Window], profile: str, priority: int, at: datetime
) -> datetime | None:
    """Tell until when heavy work of such a job waits; None when it may be done at the moment `at`.

    It may be done while one of the windows that concern it is open, and always where none does.
    """
    mine = [window for window in windows if window.concerns(profile, priority)]
    spans = [span for window in mine for span in window.spans(at)]
    if not mine or any(opens <= at < closes for opens, closes in spans):
        return None
    return min(opens for opens, _ in spans if opens > at)
