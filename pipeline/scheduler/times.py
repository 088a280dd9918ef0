"""Times: when a row of ours is due next, as beat sends it and people are told."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from celery.schedules import crontab

from pipeline.plan.moments import Cron, Next, chance, next_cron, once, put_off
from pipeline.plan.sun import Sun

if TYPE_CHECKING:
    from pipeline.scheduler.entries import Line

#: A run by the clock that is due is sent this late at least, seconds: beat itself may be busy.
LEAST_LATENESS_S = 60


def next_run(name: str, line: Line, last: datetime, at: datetime) -> datetime | None:
    """Give the moment at which a line is due, which may have passed; None when it never is again.

    `last` is when it ran last, or began to be there; `at` is now. What is longer overdue than
    `expire_seconds` allows is left out. A period is counted from the last run, however long ago.
    """
    if line.every_s is not None:
        base = last + timedelta(seconds=line.every_s)
        return base + timedelta(seconds=chance(f"{name} {base.isoformat()}", line.jitter_s))
    late = timedelta(seconds=max(LEAST_LATENESS_S, line.expire_seconds))
    return put_off(name, _moments(line), line.jitter_s)(max(last, at - late))


def _moments(line: Line) -> Next:
    if line.solar is not None:
        return Sun(line.solar.event, line.solar.latitude, line.solar.longitude).next
    if line.at is not None:
        return once(line.at)
    minute, hour, day_of_month, month_of_year, day_of_week = line.cron or ("*",) * 5
    meant = cron_of(
        crontab(
            minute=minute,
            hour=hour,
            day_of_month=day_of_month,
            month_of_year=month_of_year,
            day_of_week=day_of_week,
        )
    )
    zone = ZoneInfo(line.timezone or "UTC")
    return lambda after: next_cron(meant, zone, after)


def cron_of(schedule: Any) -> Cron:
    """Take the numbers that Celery reads out of a `crontab`."""
    return Cron(
        frozenset(schedule.minute),
        frozenset(schedule.hour),
        frozenset(schedule.day_of_month),
        frozenset(schedule.month_of_year),
        frozenset(schedule.day_of_week),
    )
