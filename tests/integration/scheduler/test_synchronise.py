"""schedules.yml becomes rows, and only what differs is written."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext
from sqlalchemy import create_engine, make_url, text

from pipeline.errors import ReelworksError
from pipeline.history.errors import DatabaseUnreachable
from pipeline.scheduler import SyncReport, migrate, prepare, rows, sync
from pipeline.scheduler.tables import configure

if TYPE_CHECKING:
    from pathlib import Path

    from pipeline.settings.load import Settings
    from tests.integration.scheduler.conftest import Scheduled

BUILT_IN = ("system:reconcile", "system:notify")
NIGHTLY = {"task": "clean", "cron": "30 4 * * 1-5", "timezone": "Europe/Paris"}
OFTEN = {"task": "scan", "every": "1m"}
LONG_AGO = datetime(2024, 2, 3, 4, 5, tzinfo=UTC)


def row(name: str) -> Any:
    from django_celery_beat.models import PeriodicTask

    return PeriodicTask.objects.get(name=name)


def names() -> set[str]:
    from django_celery_beat.models import PeriodicTask

    return set(PeriodicTask.objects.values_list("name", flat=True))


def last_change() -> Any:
    from django_celery_beat.models import PeriodicTasks

    return PeriodicTasks.last_change()


def times() -> tuple[int, int]:
    from django_celery_beat.models import CrontabSchedule, IntervalSchedule

    return IntervalSchedule.objects.count(), CrontabSchedule.objects.count()


@contextmanager
def nothing_written() -> Iterator[None]:
    before = last_change()
    with CaptureQueriesContext(connection) as queries:
        yield
    assert queries.captured_queries
    writes = ("INSERT", "UPDATE", "DELETE")
    assert [q["sql"] for q in queries if q["sql"].lstrip().upper().startswith(writes)] == []
    assert last_change() == before


def test_the_built_in_schedules_are_there_without_any_entry(settings: Settings) -> None:
    assert sync(settings) == SyncReport(created=BUILT_IN)
    for name, task, queue in (
        ("system:reconcile", "pipeline.reconcile", "control"),
        ("system:notify", "pipeline.notify", "notify"),
    ):
        made = row(name)
        assert (made.task, made.queue, made.enabled) == (task, queue, True)
        assert (made.interval.every, made.interval.period) == (30, "seconds")
        assert made.expire_seconds == 30


def test_an_entry_by_cron_keeps_its_own_timezone(scheduled: Scheduled) -> None:
    assert sync(scheduled(nightly=NIGHTLY)).created == ("yaml:nightly", *BUILT_IN)
    made = row("yaml:nightly")
    assert (made.task, made.queue, made.expire_seconds) == ("pipeline.clean", "ingest", 3600)
    assert made.interval is None
    cron = made.crontab
    fields = (cron.minute, cron.hour, cron.day_of_month, cron.month_of_year, cron.day_of_week)
    assert fields == ("30", "4", "*", "*", "1-5")
    assert str(cron.timezone) == "Europe/Paris"


def test_a_scan_is_told_its_folder_and_nothing_else(scheduled: Scheduled, tmp_path: Path) -> None:
    folder = tmp_path / "media" / "inbox"
    sync(scheduled(one={**OFTEN, "folder": str(folder)}, all=OFTEN))
    assert row("yaml:one").kwargs == f'{{"folder": "{folder}"}}'
    assert row("yaml:all").kwargs == '{"folder": null}'
    assert row("yaml:one").args == "[]"


def test_expiry_is_the_period_unless_the_entry_says_otherwise(scheduled: Scheduled) -> None:
    sync(
        scheduled(often=OFTEN, hasty={**OFTEN, "expires": "5s"}, slow={**NIGHTLY, "expires": "2h"})
    )
    assert row("yaml:often").expire_seconds == 60
    assert row("yaml:hasty").expire_seconds == 5
    assert row("yaml:slow").expire_seconds == 7200


def test_a_second_run_writes_nothing(scheduled: Scheduled) -> None:
    wanted = scheduled(nightly=NIGHTLY, often=OFTEN, off={**NIGHTLY, "enabled": False})
    sync(wanted)
    with nothing_written():
        assert sync(wanted) == SyncReport(unchanged=5)


KINDS: dict[str, dict[str, Any]] = {
    "sun": {
        "task": "scan",
        "solar": {"event": "sunset", "latitude": 48.8566, "longitude": "-2.3522"},
        "jitter": "10m",
    },
    "once": {"task": "scan", "at": "2036-07-01 12:00", "timezone": "Europe/Paris"},
    "night": {
        "task": "encode",
        "window": "22:30-6:00",
        "days": "mon-fri",
        "timezone": "Asia/Tokyo",
    },
}


def test_every_kind_of_time_has_its_own_table(scheduled: Scheduled) -> None:
    wanted = scheduled(**KINDS)
    sync(wanted)
    sun, once, night = (row(f"yaml:{name}") for name in KINDS)
    place = (sun.solar.event, str(sun.solar.latitude), str(sun.solar.longitude))
    assert place == ("sunset", "48.856600", "-2.352200")
    assert (sun.headers, sun.one_off) == ('{"reelworks_jitter_s": 600}', False)
    assert once.clocked.clocked_time == datetime(2036, 7, 1, 10, tzinfo=UTC)
    assert (once.one_off, once.enabled, once.expire_seconds) == (True, True, 3600)
    cron = night.crontab
    assert (cron.minute, cron.hour, cron.day_of_week) == ("30", "22", "1-5")
    assert (str(cron.timezone), night.task) == ("Asia/Tokyo", "pipeline.reconcile")
    for one in (sun, once, night):
        one.validate_unique()
        assert sum(t is not None for t in (one.interval, one.crontab, one.solar, one.clocked)) == 1
    with nothing_written():
        assert sync(wanted) == SyncReport(unchanged=5)
    changed = scheduled(sun=OFTEN, once=NIGHTLY, night=KINDS["night"])
    assert sync(changed).updated == ("yaml:sun", "yaml:once")
    assert (row("yaml:sun").solar, row("yaml:once").clocked) == (None, None)
    assert row("yaml:once").one_off is False


def test_a_changed_entry_is_updated_and_beat_is_told(scheduled: Scheduled) -> None:
    sync(scheduled(nightly=NIGHTLY, often=OFTEN))
    before = last_change()
    done = sync(scheduled(nightly={**NIGHTLY, "cron": "0 5 * * *"}, often=OFTEN))
    assert done == SyncReport(updated=("yaml:nightly",), unchanged=3)
    assert row("yaml:nightly").crontab.hour == "5"
    assert last_change() > before


def test_an_entry_can_go_from_cron_to_period_and_back(scheduled: Scheduled) -> None:
    sync(scheduled(task=NIGHTLY))
    sync(scheduled(task={"task": "clean", "every": "2h"}))
    assert (row("yaml:task").crontab, row("yaml:task").interval.every) == (None, 7200)
    sync(scheduled(task=NIGHTLY))
    assert row("yaml:task").interval is None


def test_a_removed_entry_is_removed_and_its_time_is_used_again(scheduled: Scheduled) -> None:
    sync(scheduled(nightly=NIGHTLY, often=OFTEN))
    assert sync(scheduled(often=OFTEN)).removed == ("yaml:nightly",)
    assert names() == {"yaml:often", *BUILT_IN}
    sync(scheduled(nightly=NIGHTLY, often=OFTEN))
    assert times() == (2, 1)


def test_a_time_that_others_made_and_we_used_stays_when_we_leave_it(scheduled: Scheduled) -> None:
    from django_celery_beat.models import IntervalSchedule

    theirs = IntervalSchedule.objects.create(every=3600, period="seconds")
    sync(scheduled(hourly={"task": "clean", "every": "1h"}))
    assert row("yaml:hourly").interval == theirs
    sync(scheduled())
    assert IntervalSchedule.objects.filter(pk=theirs.pk).exists()


def test_rows_made_by_others_are_left_alone(scheduled: Scheduled) -> None:
    from django_celery_beat.models import CrontabSchedule, IntervalSchedule, PeriodicTask

    hourly = IntervalSchedule.objects.create(every=1, period="hours")
    unused = CrontabSchedule.objects.create(minute="1")
    PeriodicTask.objects.create(name="theirs", task="their.task", interval=hourly)
    sync(scheduled(nightly=NIGHTLY))
    sync(scheduled())
    assert names() == {"theirs", *BUILT_IN}
    assert row("theirs").interval == hourly
    assert CrontabSchedule.objects.filter(pk=unused.pk).exists()


def test_times_that_others_came_to_use_stay(scheduled: Scheduled) -> None:
    from django_celery_beat.models import PeriodicTask

    sync(scheduled(nightly=NIGHTLY))
    shared = row("yaml:nightly").crontab
    PeriodicTask.objects.create(name="theirs", task="their.task", crontab=shared)
    sync(scheduled())
    assert row("theirs").crontab == shared


@pytest.mark.parametrize("change", [{"enabled": False}, {"cron": "1 1 * * *"}, {"expires": "9m"}])
def test_what_beat_remembers_is_never_reset(scheduled: Scheduled, change: dict[str, Any]) -> None:
    from django_celery_beat.models import PeriodicTask

    sync(scheduled(nightly=NIGHTLY))
    mine = PeriodicTask.objects.filter(name="yaml:nightly")
    mine.update(last_run_at=LONG_AGO, total_run_count=7)
    assert sync(scheduled(nightly={**NIGHTLY, **change})).updated == ("yaml:nightly",)
    assert (row("yaml:nightly").last_run_at, row("yaml:nightly").total_run_count) == (LONG_AGO, 7)
    assert sync(scheduled(nightly=NIGHTLY)).updated == ("yaml:nightly",)
    assert (row("yaml:nightly").last_run_at, row("yaml:nightly").total_run_count) == (LONG_AGO, 7)


@pytest.mark.parametrize(
    "meddling",
    [
        {"enabled": False},
        {"args": '["surprise"]'},
        {"kwargs": '{"folder": "/etc"}'},
        {"queue": "control"},
        {"one_off": True},
        {"headers": '{"x": 1}'},
        {"expire_seconds": None},
        {"expires": LONG_AGO, "expire_seconds": None},
        {"start_time": LONG_AGO},
        {"headers": '{"reelworks_jitter_s": 5}'},
        {"headers": "no json"},
        {"routing_key": "elsewhere"},
    ],
)
def test_a_row_of_ours_that_somebody_changed_is_put_right(
    scheduled: Scheduled, meddling: dict[str, Any]
) -> None:
    from django_celery_beat.models import PeriodicTask

    wanted = scheduled(often=OFTEN)
    sync(wanted)
    PeriodicTask.objects.filter(name="yaml:often").update(**meddling)
    assert sync(wanted).updated == ("yaml:often",)
    with nothing_written():
        sync(wanted)


def test_a_disabled_entry_has_a_disabled_row(scheduled: Scheduled) -> None:
    sync(scheduled(nightly={**NIGHTLY, "enabled": False}))
    assert row("yaml:nightly").enabled is False


def test_parts_that_start_together_synchronise_once(scheduled: Scheduled) -> None:
    wanted = scheduled(nightly=NIGHTLY, often=OFTEN)
    reports: list[SyncReport] = []
    start = threading.Barrier(4)

    def race() -> None:
        start.wait()
        try:
            reports.append(prepare(wanted))
        finally:
            connections.close_all()

    racers = [threading.Thread(target=race) for _ in range(4)]
    for racer in racers:
        racer.start()
    for racer in racers:
        racer.join()
    assert sorted(len(report.created) for report in reports) == [0, 0, 0, 4]
    assert sorted(report.unchanged for report in reports) == [0, 4, 4, 4]


def test_an_entry_whose_name_no_column_can_hold_is_refused(scheduled: Scheduled) -> None:
    name = "n" * 196
    with pytest.raises(ReelworksError, match="is too long: beat's name has 200") as caught:
        sync(scheduled(**{name: OFTEN}))
    assert caught.value.code == "configuration"
    assert names() == set()


def test_a_cron_line_no_column_can_hold_is_refused(scheduled: Scheduled) -> None:
    line = f"0 {','.join(['1-22'] * 30)} * * *"
    wanted = scheduled(nightly=NIGHTLY)
    entry = wanted.schedules["nightly"].model_copy(update={"cron": line})
    with pytest.raises(ReelworksError, match="beat's hour has 96 characters"):
        sync(dataclasses.replace(wanted, schedules={"nightly": entry}))


def test_the_tables_are_made_again_without_harm(settings: Settings) -> None:
    migrate(settings)
    assert sync(settings).created == BUILT_IN


def test_the_database_is_shared_with_writers_that_wait(settings: Settings) -> None:
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("PRAGMA journal_mode")
            assert cursor.fetchone() == ("wal",)
            assert connection.settings_dict["OPTIONS"]["timeout"] == 30
            assert connection.settings_dict["OPTIONS"]["transaction_mode"] == "IMMEDIATE"
        elif connection.vendor == "mysql":
            cursor.execute("SELECT @@innodb_lock_wait_timeout, @@collation_database")
            wait_s, collation = cursor.fetchone()
            assert wait_s == 30
            assert collation in ("utf8mb4_nopad_bin", "utf8mb4_0900_bin")
        else:
            cursor.execute("SELECT current_schema()")
            assert cursor.fetchone() == ("beat",)


def test_one_process_works_on_one_database(settings: Settings) -> None:
    pipeline = settings.pipeline.model_copy(update={"database": "sqlite:////elsewhere/other.db"})
    with pytest.raises(RuntimeError, match="another database"):
        configure(dataclasses.replace(settings, pipeline=pipeline))


@pytest.mark.parametrize("kind", ["postgresql+psycopg", "mysql+pymysql"])
def test_a_database_that_does_not_answer_is_named_without_its_password(
    settings: Settings, kind: str
) -> None:
    address = f"{kind}://me:topsecret@127.0.0.1:1/reelworks"
    pipeline = settings.pipeline.model_copy(update={"database": address})
    with pytest.raises(DatabaseUnreachable, match=r"127\.0\.0\.1:1/reelworks") as caught:
        migrate(dataclasses.replace(settings, pipeline=pipeline))
    assert "topsecret" not in str(caught.value)


@pytest.mark.service
def test_a_user_who_may_not_make_the_schema_is_told_what_to_ask_for(
    settings: Settings, database_address: str
) -> None:
    url = make_url(database_address)
    if url.get_backend_name() != "postgresql":
        pytest.skip("no PostgreSQL was given (REELWORKS_DATABASE=postgresql)")
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    user = f"guest_{url.database}"
    with engine.connect() as server:
        server.execute(text("DROP SCHEMA beat CASCADE"))
        server.execute(text(f"CREATE ROLE {user} LOGIN"))
        server.execute(text(f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {user}"))
        try:
            address = url.set(username=user).render_as_string(hide_password=False)
            pipeline = settings.pipeline.model_copy(update={"database": address})
            from pipeline.scheduler.tables import _one_at_a_time

            with (
                pytest.raises(ReelworksError, match="may not make the schema") as caught,
                _one_at_a_time(dataclasses.replace(settings, pipeline=pipeline)),
            ):
                pass
            assert "CREATE SCHEMA beat AUTHORIZATION" in caught.value.hint
        finally:
            server.execute(text(f"DROP OWNED BY {user}"))
            server.execute(text(f"DROP ROLE {user}"))
    engine.dispose()


def test_what_differs_from_the_file_is_listed_as_beat_runs_it(scheduled: Scheduled) -> None:
    night = {"task": "encode", "window": "22:00-06:00"}
    prepare(scheduled(tick={"task": "clean", "every": "1h"}, night=night))
    later = {"task": "encode", "window": "23:00-07:00"}
    changed = scheduled(tick={"task": "scan", "every": "2h", "enabled": False}, night=later)
    told = {one.name: one for one in rows(changed)}
    tick = told["tick"]
    assert (tick.task, tick.when, tick.enabled) == ("pipeline.clean", "every hour", True)
    assert tick.next_run_at is not None
    assert told["night"].when == "at 22:00"
    assert not tick.synchronised
    assert not told["night"].synchronised
    assert told["notify"].synchronised
    sync(changed)
    told = {one.name: one for one in rows(changed)}
    assert (told["tick"].when, told["tick"].enabled) == ("every 2 hours", False)
    assert told["night"].when == "at 23:00, encodes until 07:00"
    assert all(one.synchronised for one in told.values())


def test_who_lists_what_runs_leaves_no_connection_open(scheduled: Scheduled) -> None:
    settings = scheduled(tick={"task": "clean", "every": "1h"})
    prepare(settings)
    assert "tick" in [row.name for row in rows(settings)]
    assert connection.connection is None
