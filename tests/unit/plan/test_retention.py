"""What goes by age, by count and by room: the oldest first, and nothing that need not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from pipeline.plan.retention import Item, doomed
from pipeline.printable import size_text
from pipeline.settings.retention import KeepFiles

NOW = datetime(2026, 6, 1, tzinfo=UTC)
#: Ten things of 100 bytes, 1 to 10 days old.
ITEMS = [Item(f"d{days}", NOW - timedelta(days=days), 100) for days in range(1, 11)]


def gone(free: int | None = None, items: list[Item] = ITEMS, **rules: Any) -> list[str]:
    return [one.item.name for one in doomed(items, KeepFiles(**rules), NOW, free)]


@pytest.mark.parametrize(
    ("rules", "wanted"),
    [
        ({"older_than": "8d"}, ["d10", "d9"]),
        ({"older_than": "30d"}, []),
        ({"keep_newest": 8}, ["d10", "d9"]),
        ({"keep_newest": 10}, []),
        ({"max_size": 800}, ["d10", "d9"]),
        ({"max_size": 799}, ["d10", "d9", "d8"]),
        ({"max_size": 1000}, []),
        ({"older_than": "9d", "keep_newest": 8}, ["d10", "d9"]),
        ({"keep_newest": 9, "max_size": 700}, ["d10", "d9", "d8"]),
    ],
)
def test_the_oldest_go_until_every_rule_is_kept(rules: dict[str, Any], wanted: list[str]) -> None:
    assert gone(**rules) == wanted


def test_room_is_made_until_enough_is_free_and_counts_what_goes_anyway() -> None:
    assert gone(free=850, min_free=1000) == ["d10", "d9"]
    assert gone(free=1000, min_free=1000) == []
    assert gone(free=900, min_free=1000, keep_newest=9) == ["d10"]
    assert gone(free=0, min_free=10_000) == [f"d{days}" for days in range(10, 0, -1)]
    assert gone(free=None, min_free=1000) == []


def test_the_reason_is_the_rule_that_was_broken() -> None:
    found = doomed(ITEMS, KeepFiles(older_than="9d", keep_newest=8, max_size=700), NOW)
    assert [one.reason for one in found] == [
        "older than 9d",
        "not among the newest 8 of 10",
        "all of them take more than 700 bytes",
    ]


@pytest.mark.parametrize(
    ("count", "text"), [(0, "0 bytes"), (1023, "1023 bytes"), (1536, "1.5 KiB"), (2 << 40, "2 TiB")]
)
def test_sizes_are_told_in_a_unit_that_fits(count: int, text: str) -> None:
    assert size_text(count) == text
