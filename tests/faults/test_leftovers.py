"""What a fault run sees that was left behind."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from kombu import Connection
from sqlalchemy import select, text

from pipeline.history import schedule_runs
from pipeline.history.database import now
from pipeline.history.schedule_runs import Beginning, Outcome, Run
from pipeline.models import Job, ScheduleRun
from pipeline.queues import task_queues
from tests.faults import leftovers

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pipeline.history.database import Database

RUN = Run("system:reconcile", "pipeline.reconcile", "1", "control@host/1/1")


@pytest.fixture
def media(tmp_path: Path) -> Path:
    """Folders of a system that left nothing behind."""
    kept: tuple[str, ...] = (
        "work/failed",
        "state/logs/beat.log",
        "state/valkey/dump.rdb",
        "state/up.lock",
    )
    kept += ("state/reelworks.db", "state/reelworks.db.last-full", "archive/clip.mp4")
    for name in kept:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "library" / ".staging").mkdir(parents=True)
    return tmp_path


def test_what_belongs_there_is_not_left_over(media: Path) -> None:
    assert leftovers.files(media, {"failed"}) == []


@pytest.mark.parametrize(
    "name",
    [
        *("archive/.0a1b.part", "inbox/clip.mp4.part", "work/another", "library/x/a.tmp.mp4"),
        *("library/.staging/1.a", "state/new-password", "state/valkey/temp-1.rdb"),
    ],
)
def test_an_unfinished_file_is_seen(media: Path, name: str) -> None:
    (media / name).parent.mkdir(parents=True, exist_ok=True)
    (media / name).touch()
    assert leftovers.files(media, {"failed"}) == [f"{media / name} is left"]


def test_a_run_by_the_clock_that_nobody_ends_is_seen(db: Database) -> None:
    with db.begin() as session:
        assert schedule_runs.begin(session, RUN, due_at=now(session)) is Beginning.BEGUN
        assert leftovers.unended_runs(session) == []
    with db.begin() as session:
        row = session.get_one(ScheduleRun, RUN.name)
        row.lease_until = now(session) - timedelta(seconds=1)
    with db.begin() as session:
        assert leftovers.unended_runs(session) == ["the run of system:reconcile has no end"]
        schedule_runs.finish(session, RUN, Outcome.DONE, "", {})
    with db.begin() as session:
        assert [*leftovers.unended_runs(session), *leftovers.leases(session)] == []
        session.get_one(ScheduleRun, RUN.name).lease_until = now(session)
        session.flush()
        assert leftovers.leases(session) == ["1 ended runs by the clock have a lease"]


def test_who_settles_an_ended_job_for_ever_is_seen(
    db: Database, new_job: Callable[..., Job]
) -> None:
    new_job()
    with db.begin() as session:
        assert leftovers.leases(session) == []
        job = session.scalars(select(Job)).one()
        job.settled_at, job.settle_owner = now(session), "somebody"
        session.flush()
        assert leftovers.leases(session) == ["1 ended jobs say who settles them"]


def test_a_session_that_sits_in_its_transaction_is_seen(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    if db.url.get_backend_name() != "postgresql":
        with db.read() as session:
            assert leftovers.locks(session) == []
        return
    monkeypatch.setattr(leftovers, "IDLE_S", 0)
    with db.engine.connect() as idle, db.read() as session:
        idle.execute(text("SELECT 1"))
        assert any("idle in a transaction" in one for one in leftovers.locks(session))


def test_a_message_that_nobody_takes_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leftovers, "LOOK_S", 0.01)
    # In this process's memory; of the names that RabbitMQ has.
    monkeypatch.setattr(leftovers, "is_redis", lambda _: False)
    address = "memory://"
    assert leftovers.messages(address, 0.1) == []
    (queue,) = [one for one in task_queues(redis=False) if one.name == "reelworks.package"]
    with Connection(address) as connection:
        channel = connection.channel()
        bound = queue(channel)
        bound.declare()
        connection.Producer().publish(
            {"id": uuid.uuid4().hex}, routing_key=queue.name, exchange="", declare=[bound]
        )
        try:
            assert leftovers.messages(address, 0.1) == ["1 messages wait in reelworks.package"]
        finally:
            bound.purge()
    assert leftovers.messages(address, 0.1) == []


def test_messages_that_come_and_go_are_none_left_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leftovers, "LOOK_S", 0.0)
    looks = iter([{"a": 1, "b": 2}, {"a": 0, "b": 1}, {"a": 3, "b": 0}])
    assert leftovers.never_empty(lambda: next(looks), 10) == {}
