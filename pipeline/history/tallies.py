"""Tallies: how often steps were done, and how many there are of each kind in each state."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import func, select

from pipeline.models import Attempt, Job, JobState, Step, StepKind, StepState

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.orm import Session


def times_done(session: Session, job_id: str, names: Sequence[str]) -> int:
    """Count how often in this run the most often done of the named steps was done."""
    done = (
        select(func.count(Attempt.id))
        .join(Step, Step.id == Attempt.step_id)
        .join(Job, (Job.id == Step.job_id) & (Job.run == Attempt.run))
        .where(Job.id == job_id, Step.name.in_(names), Attempt.outcome == "done")
        .group_by(Step.id)
    )
    return max(session.scalars(done), default=0)


def count_by_kind_and_state(session: Session) -> dict[tuple[str, str], int]:
    """Count the steps of jobs that have not ended, of each kind in each state; 0 for none."""
    counts = {(kind.value, state.value): 0 for kind in StepKind for state in StepState}
    live = Job.state.in_((JobState.QUEUED, JobState.RUNNING))
    found = select(Step.kind, Step.state, func.count()).join(Job).where(live)
    query = found.group_by(Step.kind, Step.state)
    for kind, state, count in session.execute(query):
        counts[kind.value, state.value] = count
    return counts
