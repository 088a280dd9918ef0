"""Put schedules.yml into the scheduler's rows, touching only what differs and only what is ours."""

from __future__ import annotations

import json
from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from pipeline.errors import ReelworksError
from pipeline.scheduler.entries import BUILT_IN, FROM_YAML, JITTER, Line, SunTime, lines
from pipeline.scheduler.tables import configure, migrate, reachable, server_lock

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from pipeline.settings.load import Settings

#: The server's lock for one synchronisation at a time.
SYNC_LOCK = 0x5245_4553
#: The fields of a crontab row, in the order of a cron line.
CRON_FIELDS = ("minute", "hour", "day_of_month", "month_of_year", "day_of_week")
#: What a row of ours has besides its `Line`: others can put things there that would change it.
PLAIN: dict[str, Any] = {
    "args": "[]",
    "exchange": None,
    "routing_key": None,
    "priority": None,
    "expires": None,
    "start_time": None,
}


@dataclass(frozen=True)
class SyncReport:
    """The names of the rows a synchronisation changed, and how many it found right."""

    created: tuple[str, ...] = ()
    updated: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    unchanged: int = 0


def prepare(settings: Settings) -> SyncReport:
    """Bring the scheduler's tables up to date and put schedules.yml into them.

    Raises `DatabaseUnreachable`, and `ReelworksError` for what the tables can't take.
    """
    migrate(settings)
    return sync(settings)


def sync(settings: Settings) -> SyncReport:
    """Make our rows of django-celery-beat what schedules.yml says; a second run writes nothing.

    Rows of other names are left alone. What beat itself keeps in ours (when it last ran, how
    often) is never reset. Raises what `prepare` raises.
    """
    configure(settings)
    from django.db import close_old_connections, transaction

    wanted = lines(settings)
    with reachable(settings), _one_at_a_time(settings):
        close_old_connections()
        with transaction.atomic():
            return _sync(wanted)


def ours() -> dict[str, Any]:
    """Fetch the rows that belong to us, by name."""
    from django_celery_beat.models import PeriodicTask

    rows = PeriodicTask.objects.select_related("interval", "crontab", "solar", "clocked")
    return {row.name: row for row in rows if row.name.startswith((FROM_YAML, BUILT_IN))}


def line_of(row: Any) -> Line | None:
    """Read a row back as what we would have written; None when it holds something we never do."""
    if any((getattr(row, field) or None) != (value or None) for field, value in PLAIN.items()):
        return None
    times = [row.interval, row.crontab, row.solar, row.clocked]
    if sum(one is not None for one in times) != 1 or row.one_off != (row.clocked is not None):
        return None
    every, cron, solar, clocked = times
    headers = _headers(row)
    if row.expire_seconds is None or headers is None or (every and every.period != "seconds"):
        return None
    return Line(
        task=row.task,
        queue=row.queue or "",
        kwargs=row.kwargs,
        enabled=row.enabled,
        expire_seconds=row.expire_seconds,
        every_s=every.every if every else None,
        cron=tuple(getattr(cron, field) for field in CRON_FIELDS) if cron else None,
        timezone=str(cron.timezone) if cron else None,
        solar=SunTime(solar.event, solar.latitude, solar.longitude) if solar else None,
        at=clocked.clocked_time if clocked else None,
        jitter_s=headers.get(JITTER, 0),
    )


def _headers(row: Any) -> dict[str, int] | None:
    """Read the headers that we write: at most how far runs are put off. None for other ones."""
    try:
        found = json.loads(row.headers or "{}")
    except ValueError:
        return None
    ours = isinstance(found, dict) and set(found) <= {JITTER}
    return found if ours and all(type(value) is int for value in found.values()) else None


def _one_at_a_time(settings: Settings) -> AbstractContextManager[object]:
    """Keep two synchronisations apart; SQLite's own lock does it, by a transaction that writes."""
    from django.db import connection

    return nullcontext() if connection.vendor == "sqlite" else server_lock(settings, SYNC_LOCK)


def _sync(wanted: dict[str, Line]) -> SyncReport:
    from django_celery_beat.models import PeriodicTask

    found = ours()
    removed = [name for name in found if name not in wanted]
    updated = [name for name in wanted if name in found and line_of(found[name]) != wanted[name]]
    created = [name for name in wanted if name not in found]
    for name in removed:
        found[name].delete()
    for name in (*updated, *created):
        row = found.get(name) or PeriodicTask(name=name)
        _write(row, wanted[name])
    unchanged = len(wanted) - len(created) - len(updated)
    return SyncReport(tuple(created), tuple(updated), tuple(removed), unchanged)


def _write(row: Any, line: Line) -> None:
    headers = json.dumps({JITTER: line.jitter_s} if line.jitter_s else {})
    for field, value in {**PLAIN, "headers": headers, **_times(line)}.items():
        setattr(row, field, value)
    for field in ("task", "queue", "kwargs", "enabled", "expire_seconds"):
        setattr(row, field, getattr(line, field))
    _check_lengths(row, row.name)
    last_run_at = row.last_run_at
    row.save()
    if row.last_run_at != last_run_at:
        # `save` forgets when a disabled row last ran (django-celery-beat 2.9, models.py). The
        # change itself was marked by it, so that an update without a mark is enough.
        type(row).objects.filter(pk=row.pk).update(last_run_at=last_run_at)


def _times(line: Line) -> dict[str, Any]:
    """Find or make the time of a line, for its one column; the others are empty.

    A time is never removed, also when no line of ours uses it any more: it bears no name, so that
    nobody can tell whether somebody else made it, or is about to use it. An unused one costs a row.
    """
    from django_celery_beat import models

    times: dict[str, Any] = dict.fromkeys(("interval", "crontab", "solar", "clocked"))
    times["one_off"] = line.at is not None
    if line.cron is not None:
        values = dict(zip(CRON_FIELDS, line.cron, strict=True))
        zone = ZoneInfo(line.timezone or "UTC")
        times["crontab"] = _found_or_made(models.CrontabSchedule, {**values, "timezone": zone})
    elif line.solar is not None:
        times["solar"] = _found_or_made(models.SolarSchedule, vars(line.solar))
    elif line.at is not None:
        times["clocked"] = _found_or_made(models.ClockedSchedule, {"clocked_time": line.at})
    else:
        times["interval"] = _found_or_made(
            models.IntervalSchedule, {"every": line.every_s, "period": "seconds"}
        )
    return times


def _found_or_made(kind: Any, values: dict[str, Any]) -> Any:
    found = kind.objects.filter(**values).first()
    if found is None:
        found = kind(**values)
        _check_lengths(found, " ".join(str(value) for value in values.values()))
        found.save()
    return found


def _check_lengths(row: Any, shown: str) -> None:
    """Refuse what the columns can't hold: PostgreSQL would, and SQLite would not even say so."""
    for field in row._meta.concrete_fields:
        value = getattr(row, field.attname)
        if field.max_length and isinstance(value, str) and len(value) > field.max_length:
            name = field.name.replace("_", " ")
            raise ReelworksError(
                "configuration",
                f"In schedules.yml, {shown!r} is too long: beat's {name} has {field.max_length} "
                f"characters, and this needs {len(value)}.",
                "Shorten it, or make several entries of it.",
            )
