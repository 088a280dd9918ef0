"""What beat runs, in words: what its rows say, and how that differs from schedules.yml."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from pipeline.history import schedule_runs
from pipeline.history.database import Database, now
from pipeline.history.schedule_runs import Looking
from pipeline.scheduler.entries import BUILT_IN, FROM_YAML, Line, lines
from pipeline.scheduler.entries import line as line_for
from pipeline.scheduler.synchronise import CRON_FIELDS, line_of
from pipeline.scheduler.tables import configure, reachable
from pipeline.scheduler.times import next_run
from pipeline.settings import addresses
from pipeline.tasks.owner import is_dead

if TYPE_CHECKING:
    from pipeline.history.schedule_runs import Result
    from pipeline.scheduler.entries import SunTime
    from pipeline.settings.load import Settings

#: Seconds of the spans that people name, longest first.
SPANS = (("day", 86400), ("hour", 3600), ("minute", 60), ("second", 1))


@dataclass(frozen=True)
class Row:
    """One thing that runs by the clock, as people see it: as beat has it, once beat has it.

    `origin` is schedules.yml, built in or other; `synchronised` tells whether beat's row is what
    the configuration says (rows of others always are). `last_run_at` is None when it never ran,
    `next_run_at` when it will not run, or nobody can tell. `last_result` is what became of the
    last run that a worker took, by the clock or by hand; None when none did.
    """

    name: str
    origin: str
    task: str
    when: str
    timezone: str
    enabled: bool
    next_run_at: datetime | None
    last_run_at: datetime | None
    total_run_count: int
    last_result: Result | None
    synchronised: bool


def rows(settings: Settings) -> list[Row]:
    """List everything that is to run, and everything beat has, ours first.

    The tables must be there (`migrate`). Raises `DatabaseUnreachable`.
    """
    configure(settings)
    from django.db import connections
    from django_celery_beat.models import PeriodicTask

    wanted = lines(settings)
    database = Database(addresses.database_url(settings))
    try:
        with database.read() as session:
            looking = Looking(is_dead, full=database.was_full_lately())
            told, at = schedule_runs.results(session, looking), now(session)
    finally:
        database.dispose()
    related = PeriodicTask.objects.select_related("interval", "crontab", "solar", "clocked")
    try:
        with reachable(settings):
            found = {row.name: row for row in related}
    finally:
        # This thread's: each of a web server's would keep one open.
        connections.close_all()
    listed = [
        _row(name, wanted.get(name), found.get(name), told.get(name), at)
        for name in {**wanted, **found}
    ]
    listed = [_with_hours(row, settings) for row in listed]
    return sorted(listed, key=lambda row: (row.origin == "other", row.origin, row.name))


def _row(full_name: str, wanted: Line | None, row: Any, result: Result | None, at: datetime) -> Row:
    origin, name = "other", full_name
    for prefix, word in ((FROM_YAML, "schedules.yml"), (BUILT_IN, "built in")):
        if full_name.startswith(prefix):
            origin, name = word, full_name.removeprefix(prefix)
    line = wanted if row is None else line_of(row)
    source = line or row
    next_run_at, words = _next(full_name, line, row, at), in_words(line) if line else None
    if words and line and line.at is not None and line.at <= at and next_run_at is None:
        words += ", which is past"
    return Row(
        name=name,
        origin=origin,
        task=source.task,
        when=words or _others_words(row),
        timezone=(line.timezone if line else _others_zone(row)) or "UTC",
        enabled=source.enabled,
        next_run_at=next_run_at,
        last_run_at=_last_run(row, result),
        total_run_count=row.total_run_count if row else 0,
        last_result=result,
        synchronised=origin == "other" or (row is not None and line is not None and line == wanted),
    )


def _last_run(row: Any, result: Result | None) -> datetime | None:
    """Tell when it last ran, by the clock or by hand: beat notes that only every few minutes."""
    moments = (row.last_run_at if row else None, result.started_at if result else None)
    return max((at for at in moments if at is not None), default=None)


def _with_hours(row: Row, settings: Settings) -> Row:
    """Say of a window what it is for, and also when it closes: a row of beat only opens it."""
    entry = settings.schedules.get(row.name) if row.origin == "schedules.yml" else None
    if entry is None or entry.window is None or row.when != in_words(line_for(entry)):
        return row  # also one that still opens at another time than the entry says
    words = f"{row.when}, encodes until {entry.window.partition('-')[2]}"
    return replace(row, task=f"pipeline.{entry.task}", when=words)


def _next(name: str, line: Line | None, row: Any, at: datetime) -> datetime | None:
    """Tell when it runs next; what is overdue runs now. None when it won't, or nobody can tell."""
    if row is None or not row.enabled or not (line or row).enabled:
        return None
    last = row.last_run_at or row.date_changed or at
    if line is None:
        try:
            left: timedelta = row.schedule.remaining_estimate(last)
        except (ValueError, RuntimeError):
            return None  # a time of others that Celery can't make sense of
        return at + max(left, timedelta(0))
    moment = next_run(name, line, last, at)
    return None if moment is None else max(moment, at)


def in_words(line: Line) -> str:
    """Say when a line runs: `every 2 minutes`, `at 04:30, only on Sunday`."""
    words = _time_words(line)
    return f"{words}, up to {_span(line.jitter_s)} later" if line.jitter_s else words


def _time_words(line: Line) -> str:
    if line.cron is not None:
        return _cron_words(line.cron)
    if line.solar is not None:
        return f"at {line.solar.event.replace('_', ' ')} at {_place(line.solar)}"
    if line.at is not None:
        return f"once at {line.at:%Y-%m-%d %H:%M}"
    return _every_words(line.every_s or 0)


def _place(sun: SunTime) -> str:
    north, east = sun.latitude.normalize(), sun.longitude.normalize()
    return f"{abs(north):f}°{'S' if north < 0 else 'N'} {abs(east):f}°{'W' if east < 0 else 'E'}"


def _every_words(seconds: int) -> str:
    text = _span(seconds)
    # "every 1 minute" is "every minute".
    return f"every {text.removeprefix('1 ') if text.count(' ') == 1 else text}"


def _span(seconds: int) -> str:
    words = []
    for span, length in SPANS:
        count, seconds = divmod(seconds, length)
        if count:
            words.append(f"{count} {span}{'s' if count > 1 else ''}")
    return " ".join(words)


def _cron_words(fields: tuple[str, ...]) -> str:
    from cron_descriptor import (  # type: ignore[import-untyped]
        FormatException,
        MissingFieldException,
        Options,
        WrongArgumentException,
        get_description,
    )

    options = Options()
    # Else they are those of the machine's locale.
    options.locale_code = "en_US"
    options.use_24hour_time_format = True
    line = " ".join(fields)
    try:
        words = str(get_description(line, options))
    except (FormatException, MissingFieldException, WrongArgumentException):
        return f"cron {line}"
    return words[:1].lower() + words[1:]


def _others_words(row: Any) -> str:
    if row.interval is not None:
        return f"every {row.interval.every} {row.interval.period}"
    if row.crontab is not None:
        fields = tuple(getattr(row.crontab, field) for field in CRON_FIELDS)
        return _cron_words(fields)
    return str(row.solar or row.clocked or "never")


def _others_zone(row: Any) -> str | None:
    return str(row.crontab.timezone) if row.crontab is not None else None
