"""What runs by the clock while its database is away: begun and ended once it is back."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import pytest
from celery.exceptions import Reject
from celery.worker import state
from sqlalchemy.exc import OperationalError

from pipeline.app import Runtime
from pipeline.history import schedule_runs
from pipeline.history.errors import DatabaseFull, DatabaseUnreachable
from pipeline.history.schedule_runs import Beginning, Run
from pipeline.tasks import runs
from tests.integration.tasks.clockwork import MORNING, count, result, send, spoil, tell

if TYPE_CHECKING:
    from sqlalchemy.orm import Session


TROUBLE = [
    DatabaseUnreachable("there", "connection refused"),
    OperationalError("UPDATE", {}, Exception("database is locked")),
    DatabaseFull("no_space", "The database has no room."),
]


@pytest.mark.parametrize("trouble", TROUBLE, ids=lambda one: type(one).__name__)
@pytest.mark.parametrize("task", [tell, spoil])
def test_the_end_of_a_run_is_kept_though_the_database_is_away_for_a_moment(
    ready: Runtime,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    task: Any,
    trouble: Exception,
) -> None:
    monkeypatch.setattr(runs, "LOOK_S", 0.01)
    _fails_twice(monkeypatch, trouble)
    with caplog.at_level(logging.WARNING):
        if task is spoil:
            with pytest.raises(ValueError, match="no room"):
                send(spoil)
        else:
            send(tell)
    assert caplog.text.count("its end is written down later") == 1
    told = result(ready)
    assert told is not None
    assert told.finished_at is not None
    assert told.outcome == ("failed" if task is spoil else "done")


@pytest.mark.parametrize("trouble", TROUBLE, ids=lambda one: type(one).__name__)
@pytest.mark.parametrize("due", [None, MORNING])
@pytest.mark.parametrize("unheard", [False, True], ids=["not kept", "kept unheard"])
def test_a_run_begins_though_the_database_is_away_for_a_moment(
    ready: Runtime,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    trouble: Exception,
    due: str | None,
    *,
    unheard: bool,
) -> None:
    monkeypatch.setattr(runs, "LOOK_S", 0.01)
    begin, tries, times = schedule_runs.begin, [trouble, trouble], list[int]()

    def write(session: Session, run: Run, **facts: Any) -> Beginning:
        if not tries:
            return begin(session, run, **facts)
        if unheard:
            begin(session, run, **facts)
            session.commit()
        raise tries.pop()

    monkeypatch.setattr(schedule_runs, "begin", write)
    with caplog.at_level(logging.WARNING):
        send(count, times, due=due)
    assert caplog.text.count("yaml:a: its beginning is written down later") == 1
    assert len(times) == 1
    told = result(ready)
    assert told is not None
    assert told.outcome == "done"


@pytest.mark.parametrize("trouble", TROUBLE[:2], ids=lambda one: type(one).__name__)
def test_a_database_that_stays_away_is_not_waited_for_for_ever(
    ready: Runtime, monkeypatch: pytest.MonkeyPatch, trouble: Exception
) -> None:
    monkeypatch.setattr(runs, "AWAY_S", -1.0)
    _fails_twice(monkeypatch, trouble)
    with pytest.raises(type(trouble)):
        send(tell)


@pytest.mark.parametrize("trouble", TROUBLE, ids=lambda one: type(one).__name__)
@pytest.mark.parametrize(("asked", "code"), [("should_terminate", True), ("should_stop", 0)])
def test_a_worker_that_is_to_stop_waits_for_no_database(
    ready: Runtime, monkeypatch: pytest.MonkeyPatch, trouble: Exception, asked: str, code: int
) -> None:
    monkeypatch.setattr(state, asked, code)
    _fails_twice(monkeypatch, trouble)
    with pytest.raises(type(trouble)):
        send(tell)


@pytest.mark.parametrize("asked", [None, "should_terminate"])
def test_the_message_of_a_run_that_could_not_begin_goes_back_to_the_broker(
    ready: Runtime, monkeypatch: pytest.MonkeyPatch, asked: str | None
) -> None:
    def begin(*_: object, **__: object) -> bool:
        raise TROUBLE[0]

    times: list[int] = []
    monkeypatch.setattr(schedule_runs, "begin", begin)
    if asked is None:
        monkeypatch.setattr(runs, "AWAY_S", -1.0)
    else:
        monkeypatch.setattr(state, asked, True)
    with pytest.raises(Reject) as rejected:
        send(count, times, due=MORNING)
    told: Any = rejected.value
    assert told.requeue
    assert times == []
    assert result(ready) is None


def _fails_twice(monkeypatch: pytest.MonkeyPatch, trouble: Exception) -> None:
    """Have the end of a run written down only the third time."""
    finish, tries = schedule_runs.finish, [trouble, trouble]

    def write(*facts: Any) -> None:
        if tries:
            raise tries.pop()
        finish(*facts)

    monkeypatch.setattr(schedule_runs, "finish", write)
