"""The hours of heavy work: when they begin, whom they concern, and what clocks do to them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from pipeline.plan.windows import closed_until, windows_of
from pipeline.settings.schedules import ScheduleEntry

PARIS = ZoneInfo("Europe/Paris")
NIGHT = {"window": "22:00-06:00", "timezone": "Europe/Paris"}


def until(at: str, *entries: dict[str, Any], profile: str = "web", priority: int = 5) -> str | None:
    """Tell until when a job waits, both written as clocks in Paris show them."""
    windows = windows_of(
        ScheduleEntry.model_validate({"task": "encode", **entry}) for entry in entries
    )
    moment = datetime.fromisoformat(at).replace(tzinfo=PARIS).astimezone(UTC)
    found = closed_until(windows, profile, priority, moment)
    return None if found is None else f"{found.astimezone(PARIS):%Y-%m-%d %H:%M}"


@pytest.mark.parametrize(
    ("at", "wanted"),
    [
        ("2026-06-03 12:00", "2026-06-03 22:00"),
        ("2026-06-03 21:59:59", "2026-06-03 22:00"),
        ("2026-06-03 22:00", None),
        ("2026-06-03 23:59", None),
        ("2026-06-03 00:00", None),
        ("2026-06-03 05:59:59", None),
        ("2026-06-03 06:00", "2026-06-03 22:00"),
        # On these nights 02:30 is not there, and there twice.
        ("2026-03-29 05:59", None),
        ("2026-03-29 06:00", "2026-03-29 22:00"),
        ("2026-10-25 05:59", None),
        ("2026-10-25 06:00", "2026-10-25 22:00"),
    ],
)
def test_heavy_work_waits_until_the_window_opens(at: str, wanted: str | None) -> None:
    assert until(at, NIGHT) == wanted


def test_without_a_window_that_is_enabled_nothing_waits() -> None:
    assert until("2026-06-03 12:00") is None
    assert until("2026-06-03 12:00", {**NIGHT, "enabled": False}) is None


def test_a_window_opens_on_its_days_only_and_lasts_into_the_next() -> None:
    weekend = {**NIGHT, "days": "fri,sat"}  # 2026-06-05 is a Friday
    assert until("2026-06-03 23:00", weekend) == "2026-06-05 22:00"
    assert until("2026-06-06 05:00", weekend) is None
    assert until("2026-06-07 05:00", weekend) is None
    assert until("2026-06-08 05:00", weekend) == "2026-06-12 22:00"


def test_of_several_windows_any_that_is_open_will_do() -> None:
    lunch = {"window": "12:00-13:00", "timezone": "Europe/Paris"}
    assert until("2026-06-03 12:30", NIGHT, lunch) is None
    assert until("2026-06-03 11:00", NIGHT, lunch) == "2026-06-03 12:00"


def test_a_window_of_whole_days_is_open_all_of_them() -> None:
    sunday = {"window": "00:00-24:00", "days": "sun", "timezone": "Europe/Paris"}
    assert until("2026-06-07 23:59", sunday) is None
    assert until("2026-06-08 00:00", sunday) == "2026-06-14 00:00"


def test_a_window_concerns_its_profiles_and_nothing_urgent() -> None:
    mine = {**NIGHT, "profiles": "archive", "urgent": 8}
    assert until("2026-06-03 12:00", mine, profile="archive") == "2026-06-03 22:00"
    assert until("2026-06-03 12:00", mine, profile="web") is None
    assert until("2026-06-03 12:00", mine, profile="archive", priority=8) is None
