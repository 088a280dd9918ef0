"""Beat on our own database: django-celery-beat without a Django project, fed from schedules.yml.

Importing this module imports Django. Only `beat`, `schedules` and the start of the stack do.
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
import signal
import sys
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast
from zoneinfo import ZoneInfo

import django
from django.conf import settings as django_settings
from sqlalchemy import create_engine, make_url, text

from pipeline.app import app, runtime
from pipeline.errors import ReelworksError
from pipeline.settings import addresses
from pipeline.settings.schedules import ScheduleEntry

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection

    from pipeline.settings.load import Settings

logger = logging.getLogger(__name__)

#: The PostgreSQL schema of the scheduler's tables, apart from ours.
SCHEMA = "beat"
#: The beginning of the names of rows that we own. All others are left alone.
FROM_YAML, BUILT_IN = "yaml:", "system:"
#: The PostgreSQL advisory locks for one beat at a time, and for one migration.
BEAT_LOCK, MIGRATION_LOCK = 0x5245_4542, 0x5245_454D
#: How long another beat's death may go unnoticed by one that stands by, seconds.
STAND_BY_S = 2.0
#: How long SQLite waits for another writer, seconds.
LOCK_WAIT_S = 30
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
class Synchronised:
    """The names of the rows a synchronisation changed, and how many it found right."""

    created: tuple[str, ...] = ()
    updated: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    unchanged: int = 0


def configure(settings: Settings) -> None:
    """Set Django up on our database, once a process."""
    if django_settings.configured:
        return
    django_settings.configure(
        INSTALLED_APPS=["django_celery_beat"],
        DATABASES={"default": _django_database(settings)},
        # What django-celery-beat derives local hours from: ours are in UTC, zones are the rows'.
        USE_TZ=True,
        TIME_ZONE="UTC",
        DEFAULT_AUTO_FIELD="django.db.models.AutoField",
        # Nothing is signed with it: no sessions, no forms.
        SECRET_KEY="unused",  # noqa: S106
    )
    django.setup()


def _django_database(settings: Settings) -> dict[str, Any]:
    url = make_url(addresses.database_url(settings))
    if url.get_backend_name() == "sqlite":
        return {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": url.database,
            "OPTIONS": {"timeout": LOCK_WAIT_S, "transaction_mode": "IMMEDIATE"},
        }
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": url.database,
        "USER": url.username or "",
        "PASSWORD": url.password or "",
        "HOST": url.host or "",
        "PORT": url.port or "",
        "OPTIONS": {**url.query, "options": f"-c search_path={SCHEMA}"},
        "CONN_HEALTH_CHECKS": True,
    }


def prepare(settings: Settings) -> Synchronised:
    """Bring the scheduler's tables up to date and put schedules.yml into them.

    Raises `DatabaseUnreachable` when the database does not answer.
    """
    migrate(settings)
    return sync(settings)


def migrate(settings: Settings) -> None:
    """Bring the scheduler's tables up to date. Raises `DatabaseUnreachable`."""
    from django.core.management import call_command

    runtime().prepare()
    configure(settings)
    with _locked(settings, MIGRATION_LOCK, "beat.migrating"):
        call_command("migrate", interactive=False, verbosity=0)


def sync(settings: Settings) -> Synchronised:
    """Make our rows of django-celery-beat what schedules.yml says; a second run writes nothing.

    Rows of other names are left alone. What beat itself keeps in ours (when it last ran, how
    often) is never reset.
    """
    from django.db import transaction
    from django_celery_beat.models import PeriodicTask

    configure(settings)
    wanted = {f"{FROM_YAML}{name}": entry for name, entry in settings.schedules.items()}
    wanted |= {f"{BUILT_IN}{name}": entry for name, entry in BUILT_INS.items()}
    created, updated, unchanged = [], [], 0
    with transaction.atomic():
        mine = {
            row.name: row
            for row in PeriodicTask.objects.select_related("interval", "crontab")
            if row.name.startswith((FROM_YAML, BUILT_IN))
        }
        former = [(row.interval, row.crontab) for row in mine.values()]
        removed = [name for name in mine if name not in wanted]
        for name in removed:
            mine[name].delete()
        for name, entry in wanted.items():
            row = mine.get(name)
            if row is None:
                PeriodicTask(name=name, **_fields(entry)).save()
                created.append(name)
            elif _change(row, _fields(entry)):
                row.save()
                updated.append(name)
            else:
                unchanged += 1
        if removed or updated:
            _drop_unused(former)
    return Synchronised(tuple(created), tuple(updated), tuple(removed), unchanged)


def _change(row: Any, fields: dict[str, Any]) -> bool:
    changed = {name: value for name, value in fields.items() if getattr(row, name) != value}
    for name, value in changed.items():
        setattr(row, name, value)
    return bool(changed)


def _fields(entry: ScheduleEntry) -> dict[str, Any]:
    arguments = {"folder": str(entry.folder)} if entry.folder else {}
    period_s = entry.every.total_seconds() if entry.every else CRON_EXPIRES_S
    expires_s = entry.expires.total_seconds() if entry.expires else period_s
    return {
        "task": task_name(entry),
        "queue": QUEUES[entry.task],
        "kwargs": json.dumps(arguments),
        "enabled": entry.enabled,
        "expire_seconds": max(1, round(expires_s)),
        **_times(entry),
    }


def task_name(entry: ScheduleEntry) -> str:
    """Name the Celery task that an entry runs."""
    return f"pipeline.{entry.task}"


def _times(entry: ScheduleEntry) -> dict[str, Any]:
    from django_celery_beat.models import CrontabSchedule, IntervalSchedule

    if entry.every is not None:
        every = max(1, round(entry.every.total_seconds()))
        same = IntervalSchedule.objects.filter(every=every, period="seconds").first()
        interval = same or IntervalSchedule.objects.create(every=every, period="seconds")
        return {"interval": interval, "crontab": None}
    names = ("minute", "hour", "day_of_month", "month_of_year", "day_of_week")
    when = dict(zip(names, (entry.cron or "").split(), strict=True))
    zone = ZoneInfo(entry.timezone)
    found = CrontabSchedule.objects.filter(**when, timezone=zone).first()
    return {
        "crontab": found or CrontabSchedule.objects.create(**when, timezone=zone),
        "interval": None,
    }


def _drop_unused(times: list[tuple[Any, Any]]) -> None:
    """Remove times that were ours and that no row uses now: every change leaves one behind."""
    for time_row in {one for pair in times for one in pair if one is not None}:
        if time_row.pk is not None and not time_row.periodictask_set.exists():
            time_row.delete()


@dataclass(frozen=True)
class Row:
    """A row of the schedule as people see it; `origin` is schedules.yml, built in or other."""

    name: str
    origin: str
    task: str
    when: str
    enabled: bool
    last_run_at: Any
    total_run_count: int


def rows(settings: Settings) -> list[Row]:
    """List everything beat runs, ours first."""
    from django_celery_beat.models import PeriodicTask

    configure(settings)
    found = [_row(row) for row in PeriodicTask.objects.select_related("interval", "crontab")]
    return sorted(found, key=lambda row: (row.origin == "other", row.origin, row.name))


def _row(row: Any) -> Row:
    origin, name = "other", row.name
    for prefix, word in ((FROM_YAML, "schedules.yml"), (BUILT_IN, "built in")):
        if name.startswith(prefix):
            origin, name = word, name.removeprefix(prefix)
    return Row(
        name=name,
        origin=origin,
        task=row.task,
        when=_when(row),
        enabled=row.enabled,
        last_run_at=row.last_run_at,
        total_run_count=row.total_run_count,
    )


def _when(row: Any) -> str:
    if row.interval is not None:
        return f"every {row.interval.every} {row.interval.period}"
    if row.crontab is not None:
        return f"{row.crontab.human_readable} ({row.crontab.timezone})"
    return str(row.schedule)


def run_beat(settings: Settings) -> None:
    """Run beat until told to stop (SIGTERM, SIGINT); returns then.

    Only one beat of a system sends: others stand by until it is gone.
    """
    prepare(settings)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with _alone(settings):
        logger.info("this beat is the one that sends")
        beat = app.Beat(scheduler=cast("str", _scheduler()), loglevel="INFO", quiet=True)
        beat.run()


def _scheduler() -> type:
    from django_celery_beat.schedulers import DatabaseScheduler

    class Scheduler(DatabaseScheduler):  # type: ignore[misc]
        """All enabled rows, always."""

        def enabled_models_qs(self) -> Any:
            # 2.9 leaves out crontabs by a guess at their hour that is wrong in summer time and
            # fires late around it (its issues #894, #956); ours are few, so none is left out.
            return self.Model.objects.enabled()

    return Scheduler


@contextmanager
def _alone(settings: Settings) -> Iterator[None]:
    """Hold the one right to send; loses it by dying. Ends the process when the lock is lost."""
    if addresses.database_url(settings).startswith("sqlite"):
        lock = _state_file(settings, "beat.lock").open("w")
        _stand_by(lambda: _try_flock(lock))
        try:
            yield
        finally:
            lock.close()
        return
    engine = create_engine(addresses.database_url(settings), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        _stand_by(lambda: _try_advisory(connection))
        threading.Thread(target=_guard, args=(connection,), daemon=True).start()
        yield


def _stand_by(try_lock: Any) -> None:
    told = False
    while not try_lock():
        if not told:
            logger.info("another beat sends; this one stands by")
            told = True
        time.sleep(STAND_BY_S)


def _try_flock(lock: Any) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _try_advisory(connection: Connection) -> bool:
    asked = connection.execute(text("SELECT pg_try_advisory_lock(:lock)"), {"lock": BEAT_LOCK})
    return bool(asked.scalar())


def _guard(connection: Connection) -> None:
    """Watch the connection that holds the lock: without it another beat may send too."""
    try:
        while True:
            time.sleep(STAND_BY_S)
            connection.execute(text("SELECT 1"))
    finally:
        logger.error("the connection that holds beat's lock is lost: beat ends, to be restarted")
        os.kill(os.getpid(), signal.SIGTERM)


@contextmanager
def _locked(settings: Settings, lock: int, file: str) -> Iterator[None]:
    """Let one process migrate at a time; makes the schema where there are schemas."""
    url = addresses.database_url(settings)
    if url.startswith("sqlite"):
        with _state_file(settings, file).open("w") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        return
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text("SELECT pg_advisory_lock(:lock)"), {"lock": lock})
        connection.execute(text(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}"))
        yield
    engine.dispose()


def _state_file(settings: Settings, name: str) -> Path:
    state = settings.pipeline.paths.state
    state.mkdir(parents=True, exist_ok=True)
    return state / name


def run_now(settings: Settings, name: str) -> str:
    """Send the task of one entry now; returns the task's id.

    Raises `ReelworksError` (`no_such_schedule`, `unreachable`).
    """
    from kombu.exceptions import OperationalError

    from pipeline.settings.errors import nearest

    entries = {**BUILT_INS, **settings.schedules}
    if name not in entries:
        raise ReelworksError("usage", f"There is no schedule {name!r}.", nearest(name, entries))
    entry = entries[name]
    arguments = {"folder": str(entry.folder)} if entry.folder else {}
    try:
        sent = app.send_task(task_name(entry), kwargs=arguments, queue=QUEUES[entry.task])
    except (OperationalError, OSError) as error:
        raise ReelworksError(
            "unreachable",
            f"The broker can't be reached: {error}",
            "Start the system with `reelworks up`, or correct `broker` in pipeline.yml.",
        ) from error
    return str(sent.id)
