"""Planned: a job's stored plan, as long as this version can read it as it was meant."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import ValidationError

from pipeline.history import plans
from pipeline.plan.plan import VERSION, Plan

if TYPE_CHECKING:
    from collections.abc import Collection

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


def plan_again_if_outdated(session: Session, job: Job, tags: Collection[str]) -> bool:
    """Send an unfinished job whose plan can't be carried out back to its probe.

    True when that was done. `tags` are those there are. The job's row must be locked.
    """
    why = why_outdated(job, tags)
    if job.state.terminal or why is None:
        return False
    plans.replan(session, job, why)
    return True


def why_outdated(job: Job, tags: Collection[str]) -> str | None:
    """Say why the job has to be planned again; None when its plan can be carried out."""
    try:
        stored_plan(job)
    except PlanOutdated:
        return "its plan is from another version"
    if job.tag is not None and job.tag not in tags:
        return f"the tag {job.tag} is no longer in pipeline.yml"
    return None
