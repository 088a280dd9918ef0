"""Rows are tried side by side: each waits for short processes most of its time."""

from __future__ import annotations

import os
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from tests.sources.table import try_row

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.sources.row import Row


@pytest.fixture(scope="session")
def tried(request: pytest.FixtureRequest) -> Iterator[Callable[[Row], list[str]]]:
    """Give what was wrong with a row; all rows that are to be tested are begun at once."""
    calls = [getattr(item, "callspec", None) for item in request.session.items]
    rows: list[Row] = [call.params["row"] for call in calls if call and "row" in call.params]
    pool = ThreadPoolExecutor(os.cpu_count())
    begun: dict[str, Future[list[str]]] = {row.name: pool.submit(try_row, row) for row in rows}
    yield lambda row: begun[row.name].result()
    pool.shutdown(cancel_futures=True)
