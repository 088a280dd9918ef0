"""Each kind of source comes out right, or is refused in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.sources.table import ROWS

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.sources.row import Row


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_source(row: Row, tried: Callable[[Row], list[str]]) -> None:
    assert tried(row) == []


def test_each_row_has_a_name_of_its_own() -> None:
    names = [row.name for row in ROWS]
    assert sorted(set(names)) == sorted(names)
