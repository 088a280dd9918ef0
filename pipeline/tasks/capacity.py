"""Capacity: what the workers announced, as the planner sees it; and what is lost with them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.history import events, workers
from pipeline.models import StepState
from pipeline.plan.capacity import Capacity, EncodeWorker
from pipeline.tasks.owner import is_dead
from pipeline.tasks.planned import stored_plan

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from pipeline.history.workers import Announced
    from pipeline.models import Job, Step


def capacity(session: Session, job_id: str, tag: str | None = None) -> Capacity:
    """Read which workers encode, and how many units wait before those of this job.

    Of a job that needs a tag: which workers have it, and what waits for them alone.
    """
    found = tuple(EncodeWorker.model_validate(vars(one)) for one in _present(session))
    there = Capacity(workers=found).having(tag)
    slots = sum(one.slots for one in there.workers)
    waiting = workers.waiting(session, job_id, slots, workers.of_tag(tag))
    return there.model_copy(update={"waiting": waiting})


def _present(session: Session) -> list[Announced]:
    """List the workers that are there, without those of this machine that were killed just now."""
    return [one for one in workers.present(session) if not is_dead(one.name)]


def capability_of(job: Job, step: Step) -> str:
    """Tell what the worker of a rendition's step must have; of a job without a plan, nothing."""
    plan = stored_plan(job)
    return "cpu" if plan is None or step.unit is None else plan.unit(step.unit).capability


def lost_hardware(session: Session, job: Job) -> set[str]:
    """Name the kinds of hardware that units still to do need, and no worker has any more.

    Where the job needs a tag, only workers that have it count.
    """
    rest = [step for step in job.steps if step.unit and step.state is not StepState.DONE]
    needed = {capability_of(job, step) for step in rest} - {"cpu"}
    if not needed:
        return set()
    able = [one for one in _present(session) if job.tag is None or job.tag in one.tags]
    return needed - {kind for one in able for kind in one.hardware}


def replan_lost_hardware(session: Session, job: Job) -> None:
    """Give to the processor what would otherwise wait for hardware that is gone."""
    lost, plan = lost_hardware(session, job), stored_plan(job)
    if not lost or plan is None:
        return
    units = tuple(
        unit.model_copy(update={"capability": "cpu"}) if unit.capability in lost else unit
        for unit in plan.units
    )
    job.plan = plan.model_copy(update={"units": units}).model_dump(mode="json")
    kinds = ", ".join(sorted(lost))
    sentence = f"no worker with {kinds} is there any more: the processor encodes"
    events.add(session, job.id, "fell_back", sentence)
