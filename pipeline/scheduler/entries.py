"""What beat is to run, as values: an entry of schedules.yml becomes the line of a table."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from pipeline.plan.moments import on_the_wall
from pipeline.settings.hours import hours
from pipeline.settings.schedules import OWN, ScheduleEntry

if TYPE_CHECKING:
    from pipeline.settings.load import Settings

#: The beginning of the names of rows that we own. All others are left alone.
FROM_YAML, BUILT_IN = "yaml:", "system:"
#: How late a run by the clock may still begin when its entry does not say, seconds.
EXPIRES_S = 3600
#: What always runs, whatever schedules.yml says.
BUILT_INS = {
    "reconcile": ScheduleEntry.model_validate({"task": "reconcile", "every": "30s"}),
    "notify": ScheduleEntry.model_validate({"task": "notify", "every": "30s"}),
}
#: Task of an entry → the queue it runs on.
QUEUES = {
    "scan": "ingest",
    "clean": "ingest",
    "reconcile": "control",
    "notify": "notify",
    "encode": "control",
    "retention": "ingest",
    "upkeep": "ingest",
    "health": "ingest",
    "digest": "notify",
    "reencode": "ingest",
}
#: Task of an entry → the Celery task, where its name is another one. When the hours of heavy work
#: begin, whoever looks after jobs sends what waited.
TASKS = {"encode": "pipeline.reconcile"}
#: The header of a row, and of its messages, that says how far runs are put off, seconds.
JITTER = "reelworks_jitter_s"


@dataclass(frozen=True)
class SunTime:
    """An event of the sun at a place, in degrees to six places."""

    event: str
    latitude: Decimal
    longitude: Decimal


@dataclass(frozen=True)
class Line:
    """All that a row of ours should hold; what beat writes there itself is not in it.

    Its time is one of `every_s`, `cron` (minute, hour, day of month, month, day of week) with
    `timezone`, `solar`, and `at`, a single moment in UTC.
    """

    task: str
    queue: str
    kwargs: str
    enabled: bool
    expire_seconds: int
    every_s: int | None = None
    cron: tuple[str, ...] | None = None
    timezone: str | None = None
    solar: SunTime | None = None
    at: datetime | None = None
    jitter_s: int = 0


def lines(settings: Settings) -> dict[str, Line]:
    """Give the line of every row that should be there, by the row's name."""
    wanted = {f"{FROM_YAML}{name}": line(entry) for name, entry in settings.schedules.items()}
    return wanted | {f"{BUILT_IN}{name}": line(entry) for name, entry in BUILT_INS.items()}


def line(entry: ScheduleEntry) -> Line:
    """Turn one entry into what its row holds."""
    every_s = None if entry.every is None else int(entry.every.total_seconds())
    expires_s = every_s or EXPIRES_S
    if entry.expires is not None:
        expires_s = int(entry.expires.total_seconds())
    cron = _cron(entry)
    return Line(
        task=task_name(entry),
        queue=QUEUES[entry.task],
        kwargs=json.dumps(arguments(entry)),
        enabled=entry.enabled,
        expire_seconds=expires_s,
        every_s=every_s,
        cron=cron,
        timezone=None if cron is None else entry.timezone,
        solar=None if entry.solar is None else SunTime(**dict(entry.solar)),
        at=_at(entry),
        jitter_s=0 if entry.jitter is None else int(entry.jitter.total_seconds()),
    )


def _cron(entry: ScheduleEntry) -> tuple[str, ...] | None:
    """Give the fields of an entry's cron line; a window's line is when it opens."""
    if entry.window is not None:
        opens, _ = hours(entry.window)
        return (str(opens.minute), str(opens.hour), "*", "*", entry.days)
    return None if entry.cron is None else tuple(entry.cron.split())


def _at(entry: ScheduleEntry) -> datetime | None:
    if entry.at is None or entry.at.tzinfo is not None:
        return None if entry.at is None else entry.at.astimezone(UTC)
    return on_the_wall(entry.at, ZoneInfo(entry.timezone))


def task_name(entry: ScheduleEntry) -> str:
    """Name the Celery task that an entry runs."""
    return TASKS.get(entry.task, f"pipeline.{entry.task}")


def arguments(entry: ScheduleEntry) -> dict[str, Any]:
    """Give the task's arguments: what the entry's own keys say; there are no secrets among them."""
    # A window's keys say when heavy work is done: nobody is told them by a message.
    keys = () if entry.task == "encode" else OWN[entry.task]
    said = entry.model_dump(mode="json", include=set(keys), exclude_defaults=True)
    return {"folder": None, **said} if entry.task == "scan" else said
