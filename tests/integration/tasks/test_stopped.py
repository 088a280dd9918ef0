"""A worker that is told to stop gives its step back, wherever the order comes."""

from __future__ import annotations

import sqlite3
import sys
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy.exc import OperationalError, ProgrammingError

from pipeline.history import freeing
from pipeline.tasks import step
from pipeline.tasks.step import Work, perform
from tests.integration.tasks.journeys import (
    attempts,
    row,
    task,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipeline.app import Runtime
    from pipeline.models import Job

pytestmark = pytest.mark.usefixtures("sent")


def broken_off() -> None:
    """Be told to stop where a driver then fails in cleaning up, as psycopg in its ping."""
    try:
        sys.exit(3)
    finally:
        raise ProgrammingError("SELECT 1", {}, Exception("connection in transaction status ACTIVE"))


@pytest.mark.parametrize("where", ["in a transaction", "elsewhere"])
def test_an_order_to_stop_that_an_error_covers_up_is_one_all_the_same(
    ready: Runtime, new_job: Callable[..., Job], where: str
) -> None:
    job = new_job()

    def stopped(_: Work) -> None:
        with ready.db.begin() if where == "in a transaction" else nullcontext():
            broken_off()

    with pytest.raises(SystemExit) as ended:
        perform(task(), job.id, ("probe",), stopped)
    assert ended.value.code == 3
    assert attempts(ready, job, "probe") == [("released", None)]


def test_an_order_to_stop_as_the_step_was_claimed_gives_it_back(
    ready: Runtime, new_job: Callable[..., Job], monkeypatch: pytest.MonkeyPatch
) -> None:
    job, swift = new_job(), step._claimed

    def claimed(*arguments: Any) -> Any:
        swift(*arguments)
        raise SystemExit

    monkeypatch.setattr(step, "_claimed", claimed)
    with pytest.raises(SystemExit):
        perform(task(), job.id, ("probe",), unreachable)
    assert attempts(ready, job, "probe") == [("released", None)]
    assert (row(ready, job, "probe").state, row(ready, job, "probe").tries) == ("waiting", 0)


def unreachable(_: Work) -> None:
    raise AssertionError("it never began")


def test_what_is_given_back_over_an_order_to_stop_is_done_again_like_all_else(
    ready: Runtime, new_job: Callable[..., Job], monkeypatch: pytest.MonkeyPatch
) -> None:
    job, swift, left = new_job(), freeing.release_owner, [1]

    def release(*arguments: Any, **named: Any) -> None:
        swift(*arguments, **named)
        if left:
            left.clear()
            deadlock = sqlite3.OperationalError("deadlock detected")
            deadlock.sqlstate = "40P01"  # type: ignore[attr-defined]
            raise OperationalError("UPDATE", {}, deadlock)

    def stopped(_: Work) -> None:
        raise SystemExit

    monkeypatch.setattr(freeing, "release_owner", release)
    with pytest.raises(SystemExit):
        perform(task(), job.id, ("probe",), stopped)
    assert attempts(ready, job, "probe") == [("released", None)]
