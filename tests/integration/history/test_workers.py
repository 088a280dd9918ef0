"""What workers announce is planned with as long as they are there."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from sqlalchemy import update

from pipeline.history import jobs, plans, steps, workers
from pipeline.history.database import Database, now
from pipeline.history.steps import Claim
from pipeline.history.workers import Announced
from pipeline.models import Job, JobState, Worker

NewJob = Callable[..., Job]


def announce(db: Database, name: str = "encode@a/1", slots: int = 1, **hardware: list[str]) -> None:
    with db.begin() as session:
        workers.register(session, name, slots=slots, processor=True, hardware=hardware)


def present(db: Database) -> list[Announced]:
    with db.read() as session:
        return workers.present(session)


def silent(db: Database, name: str, seconds: float) -> None:
    with db.begin() as session:
        then = now(session) - timedelta(seconds=seconds)
        session.execute(update(Worker).where(Worker.name == name).values(seen_at=then))


def plan(db: Database, job: Job, *units: str) -> None:
    with db.begin() as session:
        mine = jobs.get(session, job.id)
        named = [(unit, [f"rendition:{unit}-{n}" for n in range(2)]) for unit in units]
        plans.record_plan(session, mine, {}, duration_s=1, size=None, units=named)
    take(db, job, "probe")


def take(db: Database, job: Job, *names: str, owner: str = "package@a/1/t") -> Claim:
    """Claim the steps; those of the journey's beginning are done at once."""
    with db.begin() as session:
        claim = steps.claim(session, job.id, names, owner=owner, limit=3)
        assert isinstance(claim, Claim)
    if names[0] in ("probe", "thumbnail"):
        with db.begin() as session, steps.publishing(session, claim):
            pass
    return claim


def test_a_worker_that_announces_itself_again_is_known_once_as_it_is_now(db: Database) -> None:
    announce(db, slots=2, nvenc=["h264"])
    announce(db, slots=3)
    assert present(db) == [Announced("encode@a/1", slots=3, busy=0, processor=True, hardware={})]


def test_a_worker_that_gives_no_sign_of_life_is_gone_until_it_does(db: Database) -> None:
    announce(db)
    announce(db, "encode@b/1")
    silent(db, "encode@a/1", 59)
    silent(db, "encode@b/1", 61)
    assert [one.name for one in present(db)] == ["encode@a/1"]
    with db.begin() as session:
        assert workers.beat(session, "encode@b/1")
        assert not workers.beat(session, "encode@c/1"), "nobody of this name was announced"
    assert [one.name for one in present(db)] == ["encode@a/1", "encode@b/1"]


def test_a_worker_that_stops_is_taken_off(db: Database) -> None:
    announce(db)
    with db.begin() as session:
        workers.leave(session, "encode@a/1")
        workers.leave(session, "encode@a/1")
    assert present(db) == []


def test_hardware_is_withdrawn_codec_by_codec(db: Database) -> None:
    announce(db, nvenc=["h264", "hevc"], vaapi=["h264"])
    with db.begin() as session:
        workers.withdraw(session, "encode@a/1", "nvenc", "h264")
        workers.withdraw(session, "encode@a/2", "nvenc", "h264")
    assert present(db)[0].hardware == {"nvenc": ["hevc"], "vaapi": ["h264"]}
    with db.begin() as session:
        workers.withdraw(session, "encode@a/1", "nvenc", "hevc")
    assert present(db)[0].hardware == {"vaapi": ["h264"]}


def test_a_worker_is_as_busy_as_the_units_it_holds(db: Database, new_job: NewJob) -> None:
    announce(db, slots=4)
    announce(db, "encode@a/11")
    for task in ("t1", "t2"):
        job = new_job()
        plan(db, job, "all")
        take(db, job, "thumbnail")
        take(db, job, "rendition:all-0", "rendition:all-1", owner=f"encode@a/1/{task}")
    assert [(one.name, one.busy) for one in present(db)] == [("encode@a/1", 2), ("encode@a/11", 0)]


def test_units_and_unplanned_jobs_of_others_wait(db: Database, new_job: NewJob) -> None:
    mine, planned, _unplanned = new_job(), new_job(), new_job()
    plan(db, planned, "h264", "av1")
    plan(db, mine, "all")
    ended = new_job()
    plan(db, ended, "all")
    with db.begin() as session:
        jobs.end(session, ended.id, JobState.CANCELLED)
        assert workers.waiting(session, mine.id, 9) == 3
        assert workers.waiting(session, planned.id, 9) == 2
        assert workers.waiting(session, mine.id, 2) == 2
        assert workers.waiting(session, mine.id, 0) == 0
