"""Freeing: steps whose worker is dead, or can't be heard, wait again, and are done by others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import or_, select

from pipeline.history.database import now
from pipeline.history.steps import free, has_lapsed, was_kept_silent
from pipeline.models import Job, Step, StepState

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from sqlalchemy import ColumnElement
    from sqlalchemy.orm import Session


def release_task(session: Session, task_id: str) -> set[str]:
    """Free what a lost task held (its process died). Returns the ids of the jobs concerned."""
    return _free_held(session, Step.owner.endswith(f"/{task_id}", autoescape=True))


def release_owner(session: Session, owner: str) -> None:
    """Give back what one holds who is told to stop: the tries do not count."""
    _free_held(session, Step.owner == owner, uncount=True)


def release_node(
    session: Session,
    node: str,
    dead: Callable[[str], bool],
    *,
    stopped: bool = False,
    full_at: datetime | None = None,
) -> set[str]:
    """Free what workers of the name `node` held of whom nothing is left.

    `dead` tells of an owner whether that is certain: another worker of the same name may live.
    `stopped` says that we ended them ourselves: then the try does not count. `full_at` as for
    `release_lapsed`. Returns the ids of the jobs concerned.
    """
    return _free_dead(session, (f"{node}/",), dead, uncount=stopped, full_at=full_at)


def release_role(
    session: Session, role: str, dead: Callable[[str], bool], *, full_at: datetime | None = None
) -> set[str]:
    """Free what workers of this role, whatever their number, held of whom nothing is left.

    Returns the ids of the jobs concerned.
    """
    return _free_dead(session, (f"{role}@", f"{role}."), dead, full_at=full_at)


def _free_dead(
    session: Session,
    begins: Sequence[str],
    dead: Callable[[str], bool],
    *,
    uncount: bool = False,
    full_at: datetime | None = None,
) -> set[str]:
    theirs = or_(*(Step.owner.startswith(begin, autoescape=True) for begin in begins))
    held = select(Step.owner).where(Step.state == StepState.RUNNING, theirs)
    gone = [owner for owner in session.scalars(held.distinct()) if owner and dead(owner)]
    return _free_held(session, Step.owner.in_(gone), uncount=uncount, full_at=full_at)


def release_lapsed(session: Session, job_id: str, *, full_at: datetime | None = None) -> set[str]:
    """Free the job's steps whose holder has not beaten for as long as a lease is.

    `full_at` is when the database was last full: who could not beat since then may have had its
    work done, and only waited to write that down, so its try does not count.
    """
    lapsed = (Step.job_id == job_id) & has_lapsed(now(session))
    return _free_held(session, lapsed, full_at=full_at)


def _free_held(
    session: Session,
    which: ColumnElement[bool],
    *,
    uncount: bool = False,
    full_at: datetime | None = None,
) -> set[str]:
    """Free those running steps of `which` that still are so once their jobs are locked."""
    held = (Step.state == StepState.RUNNING) & which
    found = session.scalars(select(Step.job_id).where(held).distinct())
    job_ids = sorted(found)
    for job_id in job_ids:
        session.get(Job, job_id, with_for_update=True)
    steps = session.scalars(select(Step).where(held, Step.job_id.in_(job_ids))).all()
    counted = [step for step in steps if not (uncount or was_kept_silent(step, full_at))]
    released = free(session, [one for one in steps if one not in counted], "released", uncount=True)
    return released | free(session, counted, "lost")
