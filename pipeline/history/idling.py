"""Idling: a claimed step that waits for its turn does no work, and its try does not count.

So a worker that is killed while it waits costs no try, however often that happens; and what kills
the worker that works on it is counted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select, update

from pipeline.history.database import now
from pipeline.models import Attempt, Step

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sqlalchemy.orm import Session

#: What an attempt that has not ended says of itself meanwhile.
WAITS = "waits"


def mark(session: Session, job_id: str, names: Sequence[str], *, idle: bool) -> None:
    """Note whether these claimed steps only wait; their job's row is locked.

    What has waited begins when its turn comes. Saying again what is so changes nothing.
    """
    said = Attempt.outcome.is_(None) if idle else Attempt.outcome == WAITS
    turned = session.scalars(
        select(Attempt.step_id)
        .join(Step, Step.id == Attempt.step_id)
        .where(Step.job_id == job_id, Step.name.in_(names), Attempt.finished_at.is_(None), said)
    ).all()
    mine = Attempt.step_id.in_(turned) & Attempt.finished_at.is_(None)
    unread = {"synchronize_session": False}
    session.execute(
        update(Attempt)
        .where(mine)
        .values({"outcome": WAITS} if idle else {"outcome": None, "started_at": now(session)}),
        execution_options=unread,
    )
    session.execute(
        update(Step).where(Step.id.in_(turned)).values(tries=Step.tries + (-1 if idle else 1)),
        execution_options=unread,
    )


def count(session: Session, steps: Iterable[Step], *, counts: bool) -> None:
    """Let the present try at each of these claimed steps count or not, as it may not already."""
    found = list(steps)
    idle = waiting(session, found)
    for step in found:
        step.tries += int(counts) - int(step.id not in idle)


def waiting(session: Session, steps: Iterable[Step]) -> set[int]:
    """Give the ids of those of these steps that are claimed and only wait."""
    ids = [step.id for step in steps]
    if not ids:
        return set()
    found = select(Attempt.step_id).where(
        Attempt.step_id.in_(ids),
        Attempt.finished_at.is_(None),
        Attempt.outcome == WAITS,
    )
    return set(session.scalars(found))
