"""Lines of cron: five fields, checked, and written with numbers as the scheduler takes them."""

from __future__ import annotations

import re
from dataclasses import dataclass

from pipeline.settings.errors import BadValue, nearest

_WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_MONTHS = (
    *("jan", "feb", "mar", "apr", "may", "jun"),
    *("jul", "aug", "sep", "oct", "nov", "dec"),
)
#: Most days of each month, January first: 29 February comes, if rarely.
_DAYS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_SUNDAY_TOO = 7
_TERM = re.compile(r"(?:\*|([0-9a-z]+)(?:-([0-9a-z]+))?)(?:/(\d{1,3}))?", re.ASCII)
#: The short names cron(8) knows.
MACROS = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}


@dataclass(frozen=True)
class _Field:
    name: str
    low: int
    high: int
    words: tuple[str, ...] = ()

    def number(self, text: str) -> int:
        """Read a number or a name of the field; 7 is a Sunday. Raises `BadValue`."""
        if text in self.words:
            return self.low + self.words.index(text)
        allowed = f"{self.low} to {self.high}"
        if self.words:
            allowed += f" or {self.words[0]} to {self.words[-1]}"
        sunday = self.words == _WEEKDAYS and text == str(_SUNDAY_TOO)
        if not text.isdigit() or not (self.low <= int(text) <= self.high or sunday):
            alike = [word for word in self.words if word.startswith(text[:1])] or self.words
            guess, _, _ = nearest(text, alike).partition("Valid")
            raise BadValue(f"has {text!r} as {self.name}", f"{guess}It goes from {allowed}.")
        return int(text)


_FIELDS = (
    _Field("minute", 0, 59),
    _Field("hour", 0, 23),
    _Field("day of month", 1, 31),
    _Field("month", 1, 12, _MONTHS),
    _Field("day of week", 0, 6, _WEEKDAYS),
)


def cron(line: str) -> str:
    """Check a cron line and write it with numbers only (Sunday is 0). Raises `BadValue`.

    What Celery's crontab takes is less than what cron takes, so names, 7 and the short names are
    turned into what both know. A day of month and a day of week must both fit, as in Celery.
    """
    line = MACROS.get(line.strip().lower(), line)
    texts = line.lower().split()
    if len(texts) != len(_FIELDS):
        raise BadValue(
            f"has {len(texts)} fields and not five",
            "Write minute, hour, day of month, month and day of week, like `0 5 * * mon-fri`, "
            f"or one of {', '.join(MACROS)}.",
        )
    written, meant = [], []
    for text, field in zip(texts, _FIELDS, strict=True):
        terms = [_term(term, field) for term in text.split(",")]
        written.append(",".join(dict.fromkeys(term for term, _ in terms)))
        meant.append({number for _, numbers in terms for number in numbers})
    _, _, days, months, _ = meant
    if min(days) > max(_DAYS[month - 1] for month in months):
        raise BadValue("never comes: these months have no such day", "Choose an earlier day.")
    return " ".join(written)


def weekdays(text: str) -> str:
    """Read the field of the days of a week alone, as `cron` does. Raises `BadValue`."""
    field = _FIELDS[-1]
    return ",".join(dict.fromkeys(_term(term, field)[0] for term in text.split(",")))


def _term(term: str, field: _Field) -> tuple[str, list[int]]:
    """Read one of a field's terms: as it is written for the scheduler, and the numbers it means."""
    match = _TERM.fullmatch(term)
    if match is None:
        raise BadValue(f"has {term!r} as {field.name}", "Write like 5, 1-5, 1,15, * or */10.")
    first, last, step = match[1], match[2], int(match[3] or 1)
    if not 1 <= step <= field.high:
        raise BadValue(f"has {term!r} as {field.name}", f"Steps go from /1 to /{field.high}.")
    low = field.low if first is None else field.number(first)
    high = field.high if first is None else field.number(last or first)
    if low == _SUNDAY_TOO != high and field.words == _WEEKDAYS:
        low = 0
    every = f"/{step}" if match[3] else ""
    if high < low:
        hint = f"Write {first}-{field.high},{field.low}-{last}."
        raise BadValue(f"has {term!r} as {field.name}, which goes backwards", hint)
    numbers = list(range(low, high + 1, step))
    if first is None:
        return f"*{every}", numbers
    if last is None and every:
        hint = f"Write {first}-{field.high}{every}."
        raise BadValue(f"has {term!r} as {field.name}, a step without a range", hint)
    if field.words == _WEEKDAYS and high == _SUNDAY_TOO:
        numbers = sorted({number % _SUNDAY_TOO for number in numbers})
        return ",".join(str(number) for number in numbers), numbers
    return (f"{low}-{high}{every}" if last else str(low)), numbers
