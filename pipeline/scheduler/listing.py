"""What beat runs, in words: what schedules.yml says, and what the rows know of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pipeline.scheduler.entries import BUILT_IN, FROM_YAML, Line, lines
from pipeline.scheduler.synchronise import CRON_FIELDS, line_of
from pipeline.scheduler.tables import configure, reachable

if TYPE_CHECKING:
    from datetime import datetime

    from pipeline.settings.load import Settings

#: Seconds of the spans that people name, longest first.
SPANS = (("day", 86400), ("hour", 3600), ("minute", 60), ("second", 1))


@dataclass(frozen=True)
class Row:
    """One thing that runs by the clock, as people see it.

    `origin` is schedules.yml, built in or other; `synchronised` tells whether beat's row is what
    the configuration says (rows of others always are). `last_run_at` is None when it never ran.
    """

    name: str
    origin: str
    task: str
    when: str
    timezone: str
    enabled: bool
    last_run_at: datetime | None
    total_run_count: int
    synchronised: bool


def rows(settings: Settings) -> list[Row]:
    """List everything that is to run, and everything beat has, ours first.

    The tables must be there (`migrate`). Raises `DatabaseUnreachable`.
    """
    configure(settings)
    from django.db import close_old_connections
    from django_celery_beat.models import PeriodicTask

    wanted = lines(settings)
    with reachable(settings):
        close_old_connections()
        related = PeriodicTask.objects.select_related("interval", "crontab", "solar", "clocked")
        found = {row.name: row for row in related}
    listed = [_row(name, wanted.get(name), found.get(name)) for name in {**wanted, **found}]
    return sorted(listed, key=lambda row: (row.origin == "other", row.origin, row.name))


def _row(full_name: str, wanted: Line | None, row: Any) -> Row:
    origin, name = "other", full_name
    for prefix, word in ((FROM_YAML, "schedules.yml"), (BUILT_IN, "built in")):
        if full_name.startswith(prefix):
            origin, name = word, full_name.removeprefix(prefix)
    line = wanted or line_of(row)
    source = line or row
    return Row(
        name=name,
        origin=origin,
        task=source.task,
        when=in_words(line) if line else _others_words(row),
        timezone=(line.timezone if line else _others_zone(row)) or "UTC",
        enabled=source.enabled,
        last_run_at=row.last_run_at if row else None,
        total_run_count=row.total_run_count if row else 0,
        synchronised=origin == "other" or (row is not None and line_of(row) == wanted),
    )


def in_words(line: Line) -> str:
    """Say when a line runs: `every 2 minutes`, `at 04:30, only on Sunday`."""
    if line.cron is not None:
        return _cron_words(line.cron)
    return _every_words(line.every_s or 0)


def _every_words(seconds: int) -> str:
    words = []
    for span, length in SPANS:
        count, seconds = divmod(seconds, length)
        if count:
            words.append(f"{count} {span}{'s' if count > 1 else ''}")
    text = " ".join(words)
    # "every 1 minute" is "every minute".
    return f"every {text.removeprefix('1 ') if len(words) == 1 else text}"


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
