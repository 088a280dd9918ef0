"""What a server undid over others at the same rows is done again, and nothing else is."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import nullcontext
from typing import TYPE_CHECKING

import pytest
from sqlalchemy.exc import OperationalError

from pipeline.history import database, events, jobs
from pipeline.models import Job
from pipeline.workflows import cancel

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy.orm import Session

    from pipeline.app import Runtime
    from pipeline.history.database import Database


def undone(sqlstate: str | None, *said: object) -> OperationalError:
    """Give what SQLAlchemy makes of a driver's error."""
    problem = sqlite3.OperationalError(*said)
    if sqlstate is not None:
        problem.sqlstate = sqlstate  # type: ignore[attr-defined]
    return OperationalError("UPDATE", {}, problem)


UNDONE = [undone("40P01"), undone("40001"), undone(None, 1213, "Deadlock"), undone(None, 1020, "x")]


def told(db: Database, job: Job) -> int:
    with db.read() as session:
        return sum(one.kind == "told" for one in events.since(session, job.id))


@pytest.mark.parametrize("problem", UNDONE)
def test_what_was_undone_is_done_again_and_once(
    db: Database, new_job: Callable[..., Job], problem: OperationalError
) -> None:
    job, left = new_job(), [problem, problem]

    def act(session: Session) -> str:
        events.add(session, job.id, "told", "it is done")
        if left:
            raise left.pop()
        return "done"

    assert db.write(act) == "done"
    assert told(db, job) == 1


@pytest.mark.parametrize(
    ("problem", "times"),
    [
        (UNDONE[0], database.MOST_UNDONE),
        (undone("55P03"), database.MOST_UNDONE),
        (undone(None, 1205, "Lock wait timeout exceeded"), database.MOST_UNDONE),
        (undone(None, "database is locked"), 1),
        (undone("23505"), 1),
    ],
)
def test_what_does_not_pass_is_not_done_for_ever(
    db: Database, monkeypatch: pytest.MonkeyPatch, problem: OperationalError, times: int
) -> None:
    monkeypatch.setattr(database, "AGAIN_S", 0.0)
    done: list[int] = []

    def act(_: Session) -> None:
        done.append(1)
        raise problem

    with pytest.raises(OperationalError):
        db.write(act)
    assert len(done) == times


@pytest.mark.parametrize("nested", [False, True], ids=["plain", "in a savepoint"])
def test_two_who_wait_for_each_other_both_end(
    db: Database, new_job: Callable[..., Job], *, nested: bool
) -> None:
    if db.url.get_backend_name() == "sqlite":
        return  # one writes at a time
    one, other = new_job(), new_job()
    both = threading.Barrier(2)
    begun: list[str] = []

    def lock(first: str, second: str) -> None:
        def act(session: Session) -> None:
            session.get(Job, first, with_for_update=True)
            begun.append(first)
            if len(begun) <= 2:
                both.wait(30)
            with session.begin_nested() if nested else nullcontext():
                session.get(Job, second, with_for_update=True)
            events.add(session, first, "told", "it is done")

        db.write(act)

    ids = ((one.id, other.id), (other.id, one.id))
    threads = [threading.Thread(target=lock, args=pair) for pair in ids]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(begun) > 2, "one of them was undone"
    assert (told(db, one), told(db, other)) == (1, 1)


def test_a_job_is_cancelled_though_the_server_undid_it_first(
    ready: Runtime, new_job: Callable[..., Job], monkeypatch: pytest.MonkeyPatch
) -> None:
    job, swift, left = new_job(), jobs.end, [UNDONE[0]]

    def end(*arguments: object, **options: object) -> bool:
        ended = swift(*arguments, **options)  # type: ignore[arg-type]
        if left:
            raise left.pop()
        return ended

    monkeypatch.setattr(jobs, "end", end)
    assert cancel(job.id).state == "cancelled"
    with ready.db.read() as session:
        kinds = [one.kind for one in events.since(session, job.id)]
    assert kinds.count("cancelled") == 1
