"""When moments come, above all around the two nights on which clocks change."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from celery.schedules import crontab
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.plan.moments import Cron, next_cron, on_the_wall, once, put_off
from pipeline.plan.sun import Sun
from pipeline.scheduler.times import cron_of

PARIS = ZoneInfo("Europe/Paris")
FORWARD, BACK = (2026, 3, 29), (2026, 10, 25)


def cron(line: str) -> Cron:
    return cron_of(crontab.from_string(line))


def runs(line: str, day: tuple[int, int, int], zone: ZoneInfo = PARIS) -> list[str]:
    """Name the moments of a local day at which the line comes, as clocks show them."""
    at = datetime(*day, tzinfo=zone).astimezone(UTC) - timedelta(seconds=1)
    found: list[str] = []
    while True:
        moment = next_cron(cron(line), zone, at)
        assert moment is not None
        assert moment > at
        at, local = moment, moment.astimezone(zone)
        if (local.year, local.month, local.day) != day:
            return found
        found.append(f"{local:%H:%M%z}")


@pytest.mark.parametrize(
    ("line", "day", "wanted"),
    [
        ("30 1 * * *", FORWARD, ["01:30+0100"]),
        ("0 2 * * *", FORWARD, ["03:00+0200"]),
        ("30 2 * * *", FORWARD, ["03:00+0200"]),
        ("59 2 * * *", FORWARD, ["03:00+0200"]),
        ("0 3 * * *", FORWARD, ["03:00+0200"]),
        ("30 3 * * *", FORWARD, ["03:30+0200"]),
        ("15,45 2 * * *", FORWARD, ["03:00+0200"]),
        ("30 1 * * *", BACK, ["01:30+0200"]),
        ("0 2 * * *", BACK, ["02:00+0200"]),
        ("30 2 * * *", BACK, ["02:30+0200"]),
        ("0 3 * * *", BACK, ["03:00+0100"]),
        ("15,45 2 * * *", BACK, ["02:15+0200", "02:45+0200"]),
        ("0 1,2,3 * * *", BACK, ["01:00+0200", "02:00+0200", "03:00+0100"]),
    ],
)
def test_a_time_that_clocks_leave_out_or_repeat_comes_once(
    line: str, day: tuple[int, int, int], wanted: list[str]
) -> None:
    assert runs(line, day) == wanted


@pytest.mark.parametrize(("day", "hours"), [(FORWARD, 23), (BACK, 25), ((2026, 6, 1), 24)])
def test_a_line_for_every_hour_follows_the_time_that_passes(
    day: tuple[int, int, int], hours: int
) -> None:
    assert len(runs("30 * * * *", day)) == hours
    assert len(runs("*/10 * * * *", day)) == hours * 6


def test_clocks_put_forward_at_midnight_leave_no_day_out() -> None:
    assert runs("0 0 * * *", (2026, 9, 6), ZoneInfo("America/Santiago")) == ["01:00-0300"]


def test_a_day_that_a_zone_left_out_comes_when_the_next_begins() -> None:
    apia = ZoneInfo("Pacific/Apia")
    moment = next_cron(cron("0 5 30 12 *"), apia, datetime(2011, 12, 1, tzinfo=UTC))
    assert moment == datetime(2011, 12, 31, tzinfo=apia)


def test_the_rarest_day_is_found_and_an_impossible_one_is_none() -> None:
    at = datetime(2090, 1, 1, tzinfo=UTC)
    rare = next_cron(cron("0 0 29 2 0"), ZoneInfo("UTC"), at)
    assert rare == datetime(2104, 2, 29, tzinfo=UTC) or (rare and rare.isoweekday() == 7)
    never = Cron(*(frozenset({n}) for n in (0, 0, 31, 2, 0)))
    assert next_cron(never, ZoneInfo("UTC"), at) is None


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(["Europe/Paris", "America/New_York", "Australia/Lord_Howe", "UTC"]),
    st.integers(0, 59),
    st.integers(0, 23),
)
def test_a_daily_time_comes_once_on_every_day_of_a_year(zone: str, minute: int, hour: int) -> None:
    at, days = datetime(2026, 1, 1, tzinfo=ZoneInfo(zone)).astimezone(UTC), []
    for _ in range(365):
        moment = next_cron(cron(f"{minute} {hour} * * *"), ZoneInfo(zone), at)
        assert moment is not None
        days.append(moment.astimezone(ZoneInfo(zone)).timetuple().tm_yday)
        at = moment
    assert sorted(set(days)) == sorted(days)
    assert len(days) == 365


def test_a_single_moment_on_the_wall_is_the_first_of_two_and_never_a_missing_one() -> None:
    back, forward = datetime(2026, 10, 25, 2, 30), datetime(2026, 3, 29, 2, 30)  # noqa: DTZ001
    assert on_the_wall(back, PARIS) == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    assert on_the_wall(forward, PARIS) == datetime(2026, 3, 29, 1, 0, tzinfo=UTC)
    at = datetime(2026, 1, 1, tzinfo=UTC)
    assert once(at)(at - timedelta(seconds=1)) == at
    assert once(at)(at) is None


def test_jitter_puts_each_run_off_by_its_own_span_and_drops_none() -> None:
    line, utc = cron("0 5 * * *"), ZoneInfo("UTC")
    late = put_off("a", lambda after: next_cron(line, utc, after), 1800)
    at, spans = datetime(2026, 1, 1, tzinfo=UTC), set()
    for day in range(1, 41):
        moment = late(at)
        assert moment is not None
        span = moment - datetime(2026, 1, 1, 5, tzinfo=UTC) - timedelta(days=day - 1)
        assert timedelta(0) <= span <= timedelta(seconds=1800)
        assert late(moment - timedelta(seconds=1)) == moment
        spans.add(span)
        at = moment
    assert len(spans) > 30


def test_the_sun_sets_once_a_day_and_not_at_all_in_the_polar_summer() -> None:
    sunset = Sun("sunset", Decimal("48.8566"), Decimal("2.3522"))
    first = sunset.next(datetime(2026, 6, 21, tzinfo=UTC))
    # timeanddate.com has 21:58 for Paris on that day.
    assert first is not None
    assert f"{first.astimezone(PARIS):%d %H:%M}" == "21 21:57"
    at = first
    for _ in range(60):
        following = sunset.next(at)
        assert following is not None
        assert timedelta(hours=23) < following - at < timedelta(hours=25)
        at = following
    arctic = Sun("sunset", Decimal("78.2"), Decimal("15.6"))
    found = arctic.next(datetime(2026, 6, 21, tzinfo=UTC))
    assert found is not None
    assert found.month == 8


@pytest.mark.parametrize("name", ["a", "b", "c", "d"])
def test_what_is_put_off_past_the_next_moment_still_comes(name: str) -> None:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    following = put_off(name, lambda after: next_cron(cron("*/5 * * * *"), PARIS, after), 3600)
    at, count = start, 0
    while (moment := following(at)) is not None and moment < start + timedelta(days=2):
        assert moment > at
        at, count = moment, count + 1
    # 576 moments; of those that fall into the same second one comes, and the ends fray.
    assert 540 < count < 590
