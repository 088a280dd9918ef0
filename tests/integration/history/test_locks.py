"""Who waits for whom in the database, and that none wait for each other."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import event
from sqlalchemy.exc import OperationalError

from pipeline.errors import TransientError
from pipeline.history import jobs, steps
from pipeline.history.database import changed
from pipeline.models import Job, JobState
from tests.integration.history.taking import (
    take,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Update
    from sqlalchemy.orm import Session

    from pipeline.history.database import Database


def test_who_beats_and_who_cancels_do_not_wait_for_each_other_in_a_ring(
    db: Database, new_job: Callable[..., Job], monkeypatch: pytest.MonkeyPatch
) -> None:
    job = new_job()
    claimed = take(db, job.id, "probe")
    swift = changed
    between = threading.Event()

    def slow(session: Session, statement: Update) -> int:
        count = swift(session, statement)
        between.set()
        time.sleep(0.5)
        return count

    monkeypatch.setattr("pipeline.history.steps.changed", slow)
    problems: list[Exception] = []

    def act(what: Callable[[Session], object]) -> None:
        try:
            with db.begin() as session:
                what(session)
        except OperationalError as problem:
            problems.append(problem)

    beating = threading.Thread(
        target=act, args=(lambda session: steps.heartbeat(session, claimed, 0.5),)
    )
    beating.start()
    assert between.wait(10)
    act(lambda session: jobs.end(session, job.id, JobState.CANCELLED))
    beating.join()
    assert problems == []
    with db.read() as session:
        assert jobs.get(session, job.id).state is JobState.CANCELLED


@pytest.mark.parametrize("how", ["fail", "release"])
def test_who_gives_up_a_step_locks_its_job_first(
    db: Database, new_job: Callable[..., Job], how: str
) -> None:
    job = new_job()
    claimed = take(db, job.id, "probe")
    said: list[str] = []

    def hear(_c: object, _cursor: object, statement: str, *_: object) -> None:
        said.append(statement)

    event.listen(db.engine, "before_cursor_execute", hear)
    try:
        with db.begin() as session:
            if how == "fail":
                error = TransientError("no_space", "The disk is full.")
                steps.fail(session, claimed, error, retry_in=None, log="")
            else:
                steps.release(session, claimed)
    finally:
        event.remove(db.engine, "before_cursor_execute", hear)
    touching = [one for one in said if "steps" in one or "jobs" in one]
    assert touching[0].startswith("SELECT jobs.")
    if db.url.get_backend_name() != "sqlite":
        assert "FOR UPDATE" in touching[0]
