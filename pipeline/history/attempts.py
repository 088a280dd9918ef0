"""Attempts: every try at a job's steps, as people and programs see it."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import select

from pipeline.history.views import View
from pipeline.models import Attempt, Step

if TYPE_CHECKING:
    from collections.abc import Collection

    from sqlalchemy.orm import Session


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
