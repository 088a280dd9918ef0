"""Beat with a clock that is stepped: over both changes of clocks each entry runs once.

The scheduler and its rows are real; only its clock and its way to the broker are the test's.
"""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest
from celery.beat import SchedulingError

from pipeline.app import app
from pipeline.scheduler import sync
from pipeline.tasks.timed import DUE_AT

if TYPE_CHECKING:
    from pipeline.settings.load import Settings
    from tests.integration.scheduler.conftest import Scheduled

PARIS = ZoneInfo("Europe/Paris")
STEP = timedelta(minutes=10)
DAILY = {
    "before": "30 1 * * *",
    "begins": "0 2 * * *",
    "within": "30 2 * * *",
    "ends": "0 3 * * *",
    "after": "30 3 * * *",
    "noon": "0 12 * * *",
}


class Clock:
    """A beat whose clock is stepped by hand, and what it sent: (name, moment) in order."""

    def __init__(self, settings: Settings, at: datetime, monkeypatch: pytest.MonkeyPatch) -> None:
        from django_celery_beat.models import PeriodicTask

        from pipeline.scheduler import beat

        self.at, self.broken = at, False
        self.sent: list[tuple[str, datetime]] = []
        self.due: list[str] = []
        PeriodicTask.objects.update(date_changed=at)
        monkeypatch.setattr(beat.Entry, "_default_now", lambda _: self.at)
        monkeypatch.setattr(beat.Entry, "default_now", lambda _: self.at)
        monkeypatch.setattr(beat, "migrate", lambda _: None)
        monkeypatch.setattr(beat, "sync", lambda _: sync_nothing())
        self.scheduler = beat.Scheduler(app=app, settings=settings)
        monkeypatch.setattr(self.scheduler, "apply_async", self._send)
        monkeypatch.setattr(beat.Scheduler, "producer", None)

    def _send(self, entry: Any, **_: Any) -> None:
        if self.broken:
            raise SchedulingError("no broker")
        self.sent.append((entry.name.removeprefix("yaml:"), self.at))
        self.due.append(entry.options["headers"].get(DUE_AT, ""))

    def run_until(self, end: datetime, step: timedelta = STEP) -> None:
        while self.at < end:
            while self.scheduler.tick() == 0:
                pass
            self.at += step


def sync_nothing() -> Any:
    from pipeline.scheduler import SyncReport

    return SyncReport()


@pytest.fixture(autouse=True)
def _celery_configured(
    settings: Settings, environ: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REELWORKS_CONFIG", str(settings.config_dir))
    for name, value in environ.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def start(monkeypatch: pytest.MonkeyPatch) -> Any:
    clocks = []

    def at(settings: Settings, moment: datetime) -> Clock:
        sync(settings)
        clocks.append(Clock(settings, moment, monkeypatch))
        return clocks[-1]

    yield at
    for clock in clocks:
        clock.scheduler.close()


@pytest.mark.parametrize(
    "day", [datetime(2026, 3, 29, tzinfo=PARIS), datetime(2026, 10, 25, tzinfo=PARIS)]
)
def test_each_entry_runs_once_a_day_over_a_change_of_clocks(
    scheduled: Scheduled, start: Any, day: datetime
) -> None:
    entries = {
        name: {"task": "clean", "cron": line, "timezone": "Europe/Paris"}
        for name, line in DAILY.items()
    }
    clock = start(scheduled(**entries), (day - timedelta(hours=6)).astimezone(UTC))
    clock.run_until(day.replace(day=day.day + 1).astimezone(UTC))
    ran = [
        (name, at)
        for name, at in clock.sent
        if name in DAILY and at.astimezone(PARIS).day == day.day
    ]
    assert Counter(name for name, _ in ran) == dict.fromkeys(DAILY, 1)
    at = dict(ran)
    assert at["before"] < at["within"] <= at["after"] < at["noon"]
    assert len(set(zip(clock.sent, clock.due, strict=True))) == len(clock.sent)


@pytest.mark.parametrize(
    ("day", "hours"),
    [
        (datetime(2026, 3, 29, tzinfo=PARIS), 23),
        (datetime(2026, 10, 25, tzinfo=PARIS), 25),
    ],
)
def test_the_sun_and_spans_of_time_know_no_change_of_clocks(
    scheduled: Scheduled, start: Any, day: datetime, hours: int
) -> None:
    place = {"event": "sunset", "latitude": 48.8566, "longitude": 2.3522}
    late = {"cron": "30 2 * * *", "timezone": "Europe/Paris", "jitter": "5m"}
    wanted = scheduled(
        dusk={"task": "clean", "solar": place},
        hourly={"task": "clean", "every": "1h"},
        shaken={"task": "clean", **late},
    )
    clock = start(wanted, (day - timedelta(hours=2)).astimezone(UTC))
    clock.run_until(day.replace(day=day.day + 1).astimezone(UTC))
    ran = Counter(name for name, at in clock.sent if at.astimezone(PARIS).day == day.day)
    assert (ran["dusk"], ran["shaken"]) == (1, 1)
    # A span ends as soon as it is looked at: each step of the clock is late by one at most.
    assert hours - 4 <= ran["hourly"] <= hours


def test_a_beat_that_is_started_again_in_the_repeated_hour_repeats_nothing(
    scheduled: Scheduled, start: Any
) -> None:
    wanted = scheduled(within={"task": "clean", "cron": "30 2 * * *", "timezone": "Europe/Paris"})
    first = start(wanted, datetime(2026, 10, 25, 0, 20, tzinfo=UTC))
    first.run_until(datetime(2026, 10, 25, 0, 40, tzinfo=UTC))
    first.scheduler.close()
    second = start(wanted, datetime(2026, 10, 25, 0, 45, tzinfo=UTC))
    second.run_until(datetime(2026, 10, 25, 3, 0, tzinfo=UTC))
    assert [name for name, _ in first.sent if name == "within"] == ["within"]
    assert [name for name, _ in second.sent if name == "within"] == []


def test_a_single_moment_comes_once_also_when_beat_is_started_again(
    scheduled: Scheduled, start: Any
) -> None:
    wanted = scheduled(
        party={"task": "clean", "at": "2026-12-24 18:00", "timezone": "Europe/Paris"}
    )
    at = datetime(2026, 12, 24, 17, tzinfo=UTC)
    first = start(wanted, at - timedelta(minutes=30))
    first.run_until(at + timedelta(minutes=5))
    first.scheduler.close()
    assert [(n, t) for n, t in first.sent if n == "party"] == [("party", at)]
    second = start(wanted, at + timedelta(minutes=6))
    second.run_until(at + timedelta(hours=2))
    assert "party" not in dict(second.sent)
    assert sync(wanted).updated == ()


def test_what_the_broker_did_not_take_is_sent_when_it_is_back(
    scheduled: Scheduled, start: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pipeline.scheduler import beat

    monkeypatch.setattr(beat, "AGAIN_S", 0.0)
    wanted = scheduled(nightly={"task": "clean", "cron": "0 5 * * *"})
    at = datetime(2026, 6, 1, 5, tzinfo=UTC)
    clock = start(wanted, at - timedelta(minutes=3))
    clock.broken = True
    for _ in range(10):
        clock.scheduler.tick()
        clock.at += timedelta(seconds=30)
    assert clock.sent == []
    clock.broken = False
    clock.run_until(at + timedelta(minutes=20))
    assert [name for name, _ in clock.sent].count("nightly") == 1
    assert clock.due[[name for name, _ in clock.sent].index("nightly")] == at.isoformat()


def test_a_clock_that_is_set_back_by_an_hour_holds_nothing_up(
    scheduled: Scheduled, start: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pipeline.scheduler import beat

    ahead = [0.0]
    monkeypatch.setattr(beat, "clock_ahead_s", lambda: ahead[0])
    wanted = scheduled(
        often={"task": "clean", "every": "1m"}, seldom={"task": "clean", "cron": "5 12 * * *"}
    )
    noon, minute = datetime(2026, 6, 1, 12, tzinfo=UTC), timedelta(minutes=1)
    clock = start(wanted, noon)
    clock.run_until(noon + 4.5 * minute, minute / 2)
    clock.sent.clear()
    clock.at, ahead[0] = clock.at - 60 * minute, -3600.0
    clock.run_until(clock.at + 10 * minute, minute / 2)
    assert [name for name, _ in clock.sent].count("often") >= 8
    assert [name for name, _ in clock.sent].count("system:reconcile") >= 15
