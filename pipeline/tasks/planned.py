"""Planned: a job's stored plan, as long as this version can read it as it was meant."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import ValidationError

from pipeline.history import jobs
from pipeline.plan.plan import VERSION, Plan

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from pipeline.models import Job


class PlanOutdated(Exception):
    """The stored plan is another version's: the job is to be planned again."""


def stored_plan(job: Job) -> Plan | None:
    """Read the job's plan; None before the probe made one. Raises `PlanOutdated`."""
    if job.plan is None:
        return None
    if job.plan.get("version") != VERSION:
        raise PlanOutdated(job.id)
    try:
        return Plan.model_validate(job.plan)
    except ValidationError as problem:
        raise PlanOutdated(job.id) from problem


def plan_again_if_outdated(session: Session, job: Job) -> bool:
    """Send an unfinished job with another version's plan back to its probe.

    True when that was done. The job's row must be locked.
    """
    if job.state.terminal or not is_outdated(job):
        return False
    jobs.replan(session, job)
    return True


def is_outdated(job: Job) -> bool:
    """Whether the job's plan is of another version, so that it has to be planned again."""
    try:
        stored_plan(job)
    except PlanOutdated:
        return True
    return False
