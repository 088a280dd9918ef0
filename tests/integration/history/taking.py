"""How the tests of steps take, do and lose them."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import select, update

from pipeline.history import jobs, plans, steps
from pipeline.history.database import now
from pipeline.history.steps import Claim, Refusal
from pipeline.models import Attempt, Job, Step

if TYPE_CHECKING:
    from pipeline.history.database import Database

NewJob = "Callable[..., Job]"


def take(db: Database, job_id: str, *names: str, owner: str = "encode@a/task-1") -> Claim:
    claimed = try_take(db, job_id, *names, owner=owner)
    assert isinstance(claimed, Claim)
    return claimed


def try_take(
    db: Database, job_id: str, *names: str, owner: str = "encode@a/task-1", limit: int = 3
) -> Claim | Refusal:
    with db.begin() as session:
        return steps.claim(session, job_id, names, owner=owner, limit=limit)


def do(db: Database, job_id: str, *names: str) -> None:
    with db.begin() as session, steps.publishing(session, take_in(session, job_id, names)):
        pass


def take_in(session: object, job_id: str, names: tuple[str, ...]) -> Claim:
    claimed = steps.claim(session, job_id, names, owner="n/t", limit=3)  # type: ignore[arg-type]
    assert isinstance(claimed, Claim)
    return claimed


def lapse(db: Database) -> None:
    """Let every lease lapse, as if nobody had beaten for long."""
    with db.begin() as session:
        past = now(session) - timedelta(seconds=1)
        session.execute(update(Step).where(Step.lease_until.is_not(None)).values(lease_until=past))


def step(db: Database, job_id: str, name: str) -> Step:
    with db.read() as session:
        return session.scalars(select(Step).where(Step.job_id == job_id, Step.name == name)).one()


def outcomes(db: Database, job_id: str, name: str) -> list[str | None]:
    with db.read() as session:
        return list(
            session.scalars(
                select(Attempt.outcome)
                .join(Step)
                .where(Step.job_id == job_id, Step.name == name)
                .order_by(Attempt.number)
            )
        )


def planned(db: Database, job: Job, *names: str) -> Job:
    """Give the job a plan with these rendition steps, and do what comes before them."""
    do(db, job.id, "probe")
    with db.begin() as session:
        row = jobs.get(session, job.id)
        plans.record_plan(session, row, {}, duration_s=2.0, size=(64, 36), units=[("all", names)])
    do(db, job.id, "thumbnail")
    return job
