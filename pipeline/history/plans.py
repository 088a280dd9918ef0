"""Plans of jobs: kept, given up in part, or made again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipeline.history import events, idling, jobs
from pipeline.models import StepKind, StepState

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from sqlalchemy.orm import Session

    from pipeline.models import Job


def record_plan(
    session: Session,
    job: Job,
    plan: dict[str, Any],
    *,
    duration_s: float,
    size: tuple[int, int] | None,
    units: Iterable[tuple[str, Sequence[str]]],
    ranges: Collection[str] = (),
    join: str | None = None,
) -> None:
    """Keep the plan and make a waiting step of each rendition: `units` are (name, step names).

    Where `ranges` names units, they are what the unit `join` waits for, as it does for all others.
    """
    job.plan = plan
    job.source_duration_s = duration_s
    job.source_width, job.source_height = size or (None, None)
    names = {step.name for step in job.steps}
    for unit, step_names in units:
        for name in step_names:
            if name not in names:
                kind = StepKind.RANGE if unit in ranges else StepKind.RENDITION
                step = jobs.new_step(kind, name, unit)
                if ranges and unit != join:
                    step.position = StepKind.RANGE.position
                job.steps.append(step)
    session.flush()


def give_up_ranges(
    session: Session,
    job: Job,
    plan: dict[str, Any],
    units: Iterable[tuple[str, Sequence[str]]],
    why: str,
) -> None:
    """Keep a plan without ranges in place of one with: the job's other steps stay as they are.

    What is not done of them may be tried afresh. The job's row must be locked. Who works on a range
    finds the lease lost.
    """
    job.plan = plan
    for step in [step for step in job.steps if step.kind is StepKind.RANGE]:
        job.steps.remove(step)
    unit_of = {name: unit for unit, names in units for name in names}
    idle = idling.waiting(session, job.steps)
    for step in job.steps:
        if step.name in unit_of:
            step.unit, step.position = unit_of[step.name], step.kind.position
            works = step.state is StepState.RUNNING and step.id not in idle
            step.tries = min(step.tries, int(works))
    job.published_at = None
    events.add(session, job.id, "uncut", why)
    session.flush()


def replan(session: Session, job: Job, why: str) -> None:
    """Let a job that has not ended begin again at its probe: its plan is of no use any more.

    The job's row must be locked. Who works on one of its steps finds the lease lost.
    """
    jobs.wait_again(job, afresh=True)
    job.published_at = None
    events.add(session, job.id, "replanned", f"{why}: planned again")
