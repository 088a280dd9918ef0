"""Hours, days and dates as people write them: `22:00-06:00`, `mon-fri`, `2026-12-24 18:00`."""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta
from typing import Any

from pipeline.settings.cron import weekdays
from pipeline.settings.errors import BadValue

_CLOCK = r"([01]?\d|2[0-4]):([0-5]\d)"
_WINDOW = re.compile(rf"{_CLOCK}\s*-\s*{_CLOCK}")
_MINUTES_A_DAY = 24 * 60


def read_window(value: Any) -> str:
    """Read when a window opens and closes: `22:00-06:00`; it may go past midnight.

    Raises `BadValue`.
    """
    match = _WINDOW.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None:
        raise BadValue(
            "is not a window of hours", 'Write when it opens and closes, like "22:00-06:00".'
        )
    opens, closes = (int(match[n]) * 60 + int(match[n + 1]) for n in (1, 3))
    if max(opens, closes) > _MINUTES_A_DAY:
        raise BadValue("has an hour past 24:00", "A day ends at 24:00.")
    opens %= _MINUTES_A_DAY
    if opens == closes:
        raise BadValue("closes when it opens", 'Write "00:00-24:00" for whole days.')
    return f"{_clock(opens)}-{_clock(closes)}"


def _clock(minutes: int) -> str:
    return f"{minutes // 60:02}:{minutes % 60:02}"


def hours(text: str) -> tuple[time, timedelta]:
    """Give of a checked window when it opens, and how long it is open by the clock on the wall."""
    opens, closes = (
        int(part[:2]) * 60 + int(part[3:]) for part in read_window(text).split("-", maxsplit=1)
    )
    lasts = closes - opens if closes > opens else closes - opens + _MINUTES_A_DAY
    return time(opens // 60, opens % 60), timedelta(minutes=lasts)


def read_days(value: Any) -> str:
    """Read days of the week, `mon-fri` or `[sat, sun]`, as a field of cron. Raises `BadValue`."""
    if isinstance(value, list) and value:
        value = ",".join(str(day) for day in value)
    if not isinstance(value, (str, int)) or isinstance(value, bool):
        raise BadValue("is not a day of the week", "Write like mon-fri, or [sat, sun].")
    return weekdays(str(value).lower().replace(" ", ""))


def read_moment(value: Any) -> datetime:
    """Read a date and time, `2026-12-24 18:00`, with or without its distance to UTC.

    Raises `BadValue`.
    """
    hint = "Write one like 2026-12-24 18:00."
    if isinstance(value, datetime):
        return value
    if isinstance(value, date):
        raise BadValue("has no time of day", hint)
    try:
        found = datetime.fromisoformat(value.strip() if isinstance(value, str) else "")
    except ValueError as error:
        raise BadValue("is not a date and time", hint) from error
    if isinstance(value, str) and ":" not in value:
        raise BadValue("has no time of day", hint)
    return found
