"""Put schedules.yml into the scheduler's rows, touching only what differs and only what is ours."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from pipeline.errors import ReelworksError
from pipeline.scheduler.entries import BUILT_IN, FROM_YAML, Line, lines
from pipeline.scheduler.tables import configure, migrate, reachable

if TYPE_CHECKING:
    from pipeline.settings.load import Settings

#: The PostgreSQL advisory lock for one synchronisation at a time.
SYNC_LOCK = 0x5245_4553
#: The fields of a crontab row, in the order of a cron line.
CRON_FIELDS = ("minute", "hour", "day_of_month", "month_of_year", "day_of_week")
#: What a row of ours has besides its `Line`: others can put things there that would change it.
PLAIN: dict[str, Any] = {
    "args": "[]",
    "solar": None,
    "clocked": None,
    "exchange": None,
    "routing_key": None,
    "priority": None,
    "expires": None,
    "one_off": False,
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
    with reachable(settings):
        close_old_connections()
        with transaction.atomic():
            _one_at_a_time()
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
    every, cron = row.interval, row.crontab
    if (every is None) == (cron is None) or (every is not None and every.period != "seconds"):
        return None
    if row.expire_seconds is None or (row.headers or "{}") != "{}":
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
    )


def _one_at_a_time() -> None:
    """Keep two synchronisations apart until the transaction ends; SQLite's own lock does it."""
    from django.db import connection

    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [SYNC_LOCK])


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
    for field, value in {**PLAIN, "headers": "{}", **_times(line)}.items():
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
    """Find or make the time of a line.

    A time is never removed, also when no line of ours uses it any more: it bears no name, so that
    nobody can tell whether somebody else made it, or is about to use it. An unused one costs a row.
    """
    from django_celery_beat.models import CrontabSchedule, IntervalSchedule

    if line.cron is None:
        values: dict[str, Any] = {"every": line.every_s, "period": "seconds"}
        same = IntervalSchedule.objects.filter(**values).first()
        return {"interval": same or IntervalSchedule.objects.create(**values), "crontab": None}
    values = dict(zip(CRON_FIELDS, line.cron, strict=True))
    values["timezone"] = ZoneInfo(line.timezone or "UTC")
    cron = CrontabSchedule.objects.filter(**values).first() or CrontabSchedule(**values)
    if cron.pk is None:
        _check_lengths(cron, " ".join(line.cron))
        cron.save()
    return {"crontab": cron, "interval": None}


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
