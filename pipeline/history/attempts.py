"""Attempts: every try at a job's steps, as people and programs see it."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import select, update

from pipeline.history.database import now
from pipeline.history.views import View
from pipeline.models import Attempt, Step, StepState

if TYPE_CHECKING:
    from collections.abc import Collection

    from sqlalchemy.orm import Session

    from pipeline.models import Job

#: How an attempt ended that failed: for good, or to be tried again.
BAD = ("failed", "retried")


class AttemptView(View):
    """One try at a step; `log` is the end of what the tool printed."""

    number: int
    run: int
    worker: str
    started_at: datetime
    finished_at: datetime | None
    outcome: str | None
    error: str | None
    log: str | None


def cancel(session: Session, job_id: str) -> None:
    """End the tries at the job's steps that have none: what they work on is of no use any more."""
    theirs = select(Step.id).where(Step.job_id == job_id)
    session.execute(
        update(Attempt)
        .where(Attempt.step_id.in_(theirs), Attempt.finished_at.is_(None))
        .values(finished_at=now(session), outcome="cancelled")
    )


def put_off(session: Session, job_id: str) -> dict[str, datetime]:
    """Why steps of the job are to be tried again, by the error's words, and when the first is."""
    rows = session.execute(
        select(Attempt.error_message, Step.retry_at)
        .join(Step, (Step.id == Attempt.step_id) & (Step.attempt == Attempt.number))
        .where(Step.job_id == job_id, Step.state == StepState.WAITING)
        .where(Step.retry_at.is_not(None), Attempt.error_message.is_not(None))
        .order_by(Step.retry_at.desc())
    )
    return {why: at for why, at in rows if why and at}


def of_job(
    session: Session, job_id: str, outcomes: Collection[str] = ()
) -> dict[int, list[AttemptView]]:
    """Show the tries at each step of the job, by the step's id, oldest first.

    Where `outcomes` are given, only those that ended so.
    """
    query = (
        select(
            Attempt.step_id,
            Attempt.number,
            Attempt.run,
            Attempt.owner,
            Attempt.started_at,
            Attempt.finished_at,
            Attempt.outcome,
            Attempt.error_message,
            Attempt.log,
        )
        .join(Step, Step.id == Attempt.step_id)
        .where(Step.job_id == job_id)
        .order_by(Attempt.step_id, Attempt.number)
    )
    if outcomes:
        query = query.where(Attempt.outcome.in_(outcomes))
    found: dict[int, list[AttemptView]] = {}
    for row in session.execute(query):
        view = AttemptView(
            number=row.number,
            run=row.run,
            worker=row.owner.partition("/")[0],
            started_at=row.started_at,
            finished_at=row.finished_at,
            outcome=row.outcome,
            error=row.error_message,
            log=row.log,
        )
        found.setdefault(row.step_id, []).append(view)
    return found


class Told(NamedTuple):
    """One try of which a tool said something, and the steps it was at: several at once, maybe."""

    steps: tuple[str, ...]
    attempt: AttemptView


def told(session: Session, job: Job, outcomes: Collection[str] = ()) -> list[Told]:
    """List the tries at the job's steps whose tools said something, in the order of the steps.

    Where `outcomes` are given, only those that ended so.
    """
    found: dict[tuple[str, int, str | None, str | None], Told] = {}
    tries = of_job(session, job.id, outcomes)
    for step in job.steps:
        for attempt in tries.get(step.id, ()):
            if attempt.log:
                key = (step.unit or step.name, attempt.number, attempt.outcome, attempt.log)
                before = found[key].steps if key in found else ()
                found[key] = Told((*before, step.name), attempt)
    return list(found.values())
