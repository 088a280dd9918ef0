"""A run by cron that is too late is not sent; one that is due is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest

if TYPE_CHECKING:
    from pipeline.settings.load import Settings

NOW = datetime.now(UTC)


def is_due(*, before: timedelta, last_run: timedelta, expires_s: int | None = 3600) -> bool:
    """Ask of a row whose time was `before` ago, and that last ran `last_run` ago."""
    from django_celery_beat.models import CrontabSchedule, PeriodicTask

    from pipeline.app import app
    from pipeline.scheduler.beat import Entry

    zone = ZoneInfo("Asia/Kolkata")
    at = (NOW - before).astimezone(zone)
    cron = CrontabSchedule(minute=str(at.minute), hour=str(at.hour), timezone=zone)
    row: Any = PeriodicTask(
        name="yaml:nightly",
        task="pipeline.clean",
        crontab=cron,
        last_run_at=NOW - last_run,
        expire_seconds=expires_s,
    )
    return bool(Entry(row, app=app).is_due().is_due)


@pytest.fixture(autouse=True)
def _celery_configured(
    settings: Settings, environ: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REELWORKS_CONFIG", str(settings.config_dir))
    for name, value in environ.items():
        monkeypatch.setenv(name, value)


def test_a_run_missed_a_little_while_ago_is_made_up_for() -> None:
    assert is_due(before=timedelta(minutes=20), last_run=timedelta(hours=24, minutes=20))


def test_a_run_missed_by_more_than_its_expiry_is_skipped() -> None:
    assert not is_due(before=timedelta(hours=3), last_run=timedelta(days=9))


def test_an_entry_that_says_a_longer_expiry_is_made_up_for() -> None:
    assert is_due(before=timedelta(hours=3), last_run=timedelta(days=9), expires_s=4 * 3600)


def test_a_row_of_others_without_expiry_is_as_django_celery_beat_has_it() -> None:
    assert is_due(before=timedelta(hours=3), last_run=timedelta(days=9), expires_s=None)


def test_a_run_that_was_made_is_not_made_again() -> None:
    assert not is_due(before=timedelta(minutes=20), last_run=timedelta(minutes=19))


def test_what_runs_every_night_does_so_after_the_clock_was_a_year_ahead() -> None:
    assert not is_due(before=timedelta(minutes=1), last_run=-timedelta(days=365))
    assert next_s(ahead=timedelta(days=365)) < 86_400


def test_what_ran_before_the_clock_was_set_back_by_an_hour_waits_for_its_next_time() -> None:
    assert next_s(ahead=timedelta(hours=1)) > 86_400 - 3600


def next_s(*, ahead: timedelta) -> float:
    """Tell how soon a row is due that is so at this minute each day, and that ran so far ahead."""
    from django_celery_beat.models import CrontabSchedule, PeriodicTask

    from pipeline.app import app
    from pipeline.scheduler.beat import Entry

    last = datetime.now(UTC) + ahead
    at = last - timedelta(minutes=1)
    cron = CrontabSchedule(minute=str(at.minute), hour=str(at.hour), timezone=ZoneInfo("UTC"))
    row: Any = PeriodicTask(
        name="yaml:nightly", task="pipeline.clean", crontab=cron, expire_seconds=3600
    )
    row.last_run_at = last
    return float(Entry(row, app=app).is_due().next)


def test_what_runs_every_half_a_minute_does_not_pause_when_the_clock_is_set_back() -> None:
    from django_celery_beat.models import IntervalSchedule, PeriodicTask

    from pipeline.app import app
    from pipeline.scheduler.beat import Entry

    every = IntervalSchedule(every=30, period=IntervalSchedule.SECONDS)
    ahead = datetime.now(UTC) + timedelta(hours=1)
    row: Any = PeriodicTask(name="system:reconcile", task="pipeline.reconcile", interval=every)
    row.last_run_at = ahead
    entry = Entry(row, app=app)
    assert entry.is_due().next <= 30
    assert entry.model.last_run_at < ahead
