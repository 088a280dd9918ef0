"""Lines of cron: five fields, checked, and written with numbers as the scheduler takes them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.settings.errors import BadValue, nearest

if TYPE_CHECKING:
    from collections.abc import Iterable

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

    @property
    def top(self) -> int:
        """The highest number that may be written: Sunday is 0, and 7 too."""
        return _SUNDAY_TOO if self.words == _WEEKDAYS else self.high

    def number(self, text: str) -> int:
        """Read a number or a name of the field. Raises `BadValue`."""
        if text in self.words:
            return self.low + self.words.index(text)
        if not text.isdigit() or not self.low <= int(text) <= self.top:
            alike = [word for word in self.words if word.startswith(text[:1])] or self.words
            guess, _, _ = nearest(text, alike).partition("Valid")
            raise BadValue(f"has {text!r} as {self.name}", f"{guess}{self._allowed()}")
        return int(text)

    def _allowed(self) -> str:
        said = f"It goes from {self.low} to {self.top}"
        if self.words:
            said += f" or {self.words[0]} to {self.words[-1]}"
        return f"{said}; Sunday is 0, 7 or sun." if self.top > self.high else f"{said}."

    def ends(self, first: str, last: str) -> tuple[int, int]:
        """Read a range; a Sunday is the first day of the week where it begins one, else the last.

        Raises `BadValue` where it goes backwards.
        """
        low, high = self.number(first), self.number(last)
        if low == _SUNDAY_TOO != high and self.words == _WEEKDAYS:
            low = 0
        if high < low and last == _WEEKDAYS[0]:
            high = _SUNDAY_TOO
        if high < low:
            problem = f"has '{first}-{last}' as {self.name}, which goes backwards"
            raise BadValue(problem, f"Write {self._forwards(first, last)}.")
        return low, high

    def _forwards(self, first: str, last: str) -> str:
        """Write a range that goes past the end of the field as two."""
        high = self.number(last)
        if self.words == _WEEKDAYS and high == self.low:
            return f"{first}-{_SUNDAY_TOO}"
        in_words = first in self.words and last in self.words
        bottom, top = (
            (self.words[0], self.words[-1]) if in_words else (str(self.low), str(self.high))
        )
        until_top = first if self.number(first) == self.high else f"{first}-{top}"
        return f"{until_top},{last if high == self.low else f'{bottom}-{last}'}"


_FIELDS = (
    _Field("minute", 0, 59),
    _Field("hour", 0, 23),
    _Field("day of month", 1, 31),
    _Field("month", 1, 12, _MONTHS),
    _Field("day of week", 0, 6, _WEEKDAYS),
)


def cron(line: str) -> str:
    """Check a cron line and write it with numbers only (Sunday is 0). Raises `BadValue`.

    What Celery's crontab takes is less than what cron takes, so names, a Sunday that ends a range
    and the short names are turned into what both know. A day of month and a day of week must both
    fit, as in Celery.
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
        written.append(_together(term for term, _ in terms))
        meant.append({number for _, numbers in terms for number in numbers})
    _, _, days, months, _ = meant
    if min(days) > max(_DAYS[month - 1] for month in months):
        raise BadValue("never comes: these months have no such day", "Choose an earlier day.")
    return " ".join(written)


def weekdays(text: str) -> str:
    """Read the field of the days of a week alone, as `cron` does. Raises `BadValue`."""
    field = _FIELDS[-1]
    return _together(_term(term, field)[0] for term in text.split(","))


def _term(term: str, field: _Field) -> tuple[str, list[int]]:
    """Read one of a field's terms: as it is written for the scheduler, and the numbers it means."""
    match = _TERM.fullmatch(term)
    if match is None:
        raise BadValue(f"has {term!r} as {field.name}", "Write like 5, 1-5, 1,15, * or */10.")
    first, last, step = match[1], match[2], int(match[3] or 1)
    if not 1 <= step <= field.high:
        raise BadValue(f"has {term!r} as {field.name}", f"Steps go from /1 to /{field.high}.")
    every = f"/{step}" if match[3] else ""
    if first is None:
        return f"*{every}", list(range(field.low, field.high + 1, step))
    low, high = field.ends(first, last or first)
    if last is None and every:
        begins = field.low if low == _SUNDAY_TOO == field.top else first
        stepped = "" if low == field.high else f"{begins}-{field.top}{every}, or "
        hint = f"Write {stepped}{first} alone."
        raise BadValue(f"has {term!r} as {field.name}, a step without a range", hint)
    numbers = list(range(low, high + 1, step))
    if field.words == _WEEKDAYS and high == _SUNDAY_TOO:
        numbers = sorted({number % _SUNDAY_TOO for number in numbers})
        return ",".join(str(number) for number in numbers), numbers
    return (f"{low}-{high}{every}" if last else str(low)), numbers


def _together(terms: Iterable[str]) -> str:
    """Write terms side by side, each once."""
    return ",".join(dict.fromkeys(part for term in terms for part in term.split(",")))
