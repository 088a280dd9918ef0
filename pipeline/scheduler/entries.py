"""What beat is to run, as values: an entry of schedules.yml becomes the line of a table."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.settings.schedules import ScheduleEntry

if TYPE_CHECKING:
    from pipeline.settings.load import Settings

#: The beginning of the names of rows that we own. All others are left alone.
FROM_YAML, BUILT_IN = "yaml:", "system:"
#: How late a run by cron may still begin when its entry does not say, seconds.
CRON_EXPIRES_S = 3600
#: What always runs, whatever schedules.yml says.
BUILT_INS = {
    "reconcile": ScheduleEntry.model_validate({"task": "reconcile", "every": "30s"}),
    "notify": ScheduleEntry.model_validate({"task": "notify", "every": "30s"}),
}
#: Task of an entry → the queue it runs on.
QUEUES = {"scan": "ingest", "clean": "ingest", "reconcile": "control", "notify": "notify"}


@dataclass(frozen=True)
class Line:
    """All that a row of ours should hold; what beat writes there itself is not in it.

    Either `every_s`, or `cron` (minute, hour, day of month, month, day of week) with `timezone`.
    """

    task: str
    queue: str
    kwargs: str
    enabled: bool
    expire_seconds: int
    every_s: int | None = None
    cron: tuple[str, ...] | None = None
    timezone: str | None = None


def lines(settings: Settings) -> dict[str, Line]:
    """Give the line of every row that should be there, by the row's name."""
    wanted = {f"{FROM_YAML}{name}": line(entry) for name, entry in settings.schedules.items()}
    return wanted | {f"{BUILT_IN}{name}": line(entry) for name, entry in BUILT_INS.items()}


def line(entry: ScheduleEntry) -> Line:
    """Turn one entry into what its row holds."""
    every_s = None if entry.every is None else int(entry.every.total_seconds())
    expires_s = every_s or CRON_EXPIRES_S
    if entry.expires is not None:
        expires_s = int(entry.expires.total_seconds())
    return Line(
        task=task_name(entry),
        queue=QUEUES[entry.task],
        kwargs=json.dumps(arguments(entry)),
        enabled=entry.enabled,
        expire_seconds=expires_s,
        every_s=every_s,
        cron=None if entry.cron is None else tuple(entry.cron.split()),
        timezone=None if entry.cron is None else entry.timezone,
    )


def task_name(entry: ScheduleEntry) -> str:
    """Name the Celery task that an entry runs."""
    return f"pipeline.{entry.task}"


def arguments(entry: ScheduleEntry) -> dict[str, str | None]:
    """Give the task's arguments: names and paths only, for they are seen in messages and logs."""
    if entry.task != "scan":
        return {}
    return {"folder": None if entry.folder is None else str(entry.folder)}
