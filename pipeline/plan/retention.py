"""Retention: which of many things go, by age, by count and by the room they take."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from pipeline.printable import size_text
from pipeline.settings.values import seconds_text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pipeline.settings.retention import Keep


@dataclass(frozen=True)
class Item:
    """Something that is kept or goes: its name, when it was done with, and how large it is."""

    name: str
    at: datetime
    bytes: int = 0


@dataclass(frozen=True)
class Doomed:
    """Something that goes, and why."""

    item: Item
    reason: str


def doomed(
    items: Iterable[Item], rules: Keep, at: datetime, free_bytes: int | None = None
) -> list[Doomed]:
    """Choose what goes at the moment `at`, oldest first; `free_bytes` are free on the disk now.

    What goes by one rule makes room for the others: nothing goes that need not.
    """
    oldest_first = sorted(items, key=lambda item: (item.at, item.name))
    went = _by_age_and_count(oldest_first, rules, at)
    kept = oldest_first[len(went) :]
    freed = sum(one.item.bytes for one in went)
    total = sum(item.bytes for item in kept)
    min_free: int | None = getattr(rules, "min_free", None)
    for item in kept:
        if rules.max_size is not None and total > rules.max_size:
            reason = f"all of them take more than {size_text(rules.max_size)}"
        elif None not in (min_free, free_bytes) and (free_bytes or 0) + freed < (min_free or 0):
            reason = f"less than {size_text(min_free or 0)} are free"
        else:
            break
        went.append(Doomed(item, reason))
        total, freed = total - item.bytes, freed + item.bytes
    return went


def _by_age_and_count(oldest_first: list[Item], rules: Keep, at: datetime) -> list[Doomed]:
    went = []
    surplus = 0 if rules.keep_newest is None else len(oldest_first) - rules.keep_newest
    for count, item in enumerate(oldest_first):
        if rules.older_than is not None and at - item.at > rules.older_than:
            went.append(Doomed(item, f"older than {seconds_text(rules.older_than)}"))
        elif count < surplus:
            reason = f"not among the newest {rules.keep_newest} of {len(oldest_first)}"
            went.append(Doomed(item, reason))
        else:
            break
    return went


def cutoff(older_than: timedelta | None, at: datetime) -> datetime | None:
    """Give the moment before which things are too old; None when age does not matter."""
    return None if older_than is None else at - older_than
