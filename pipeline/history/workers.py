"""Workers that encode: what they announced, whether they are still there, how busy they are."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import delete, func, select, update

from pipeline.history.database import changed, now
from pipeline.models import Job, JobState, Step, StepKind, StepState, Worker

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy.orm import Session

#: A worker not heard of for this long is gone. Its signs of life come every ten seconds.
GONE = timedelta(seconds=60)


@dataclass(frozen=True)
class Announced:
    """A worker that is there. `busy` of its `slots` encode now; `hardware`: kind → codecs.

    `name` is `node/process`: two workers of a machine may have one node name.
    """

    name: str
    slots: int
    busy: int
    processor: bool
    hardware: dict[str, list[str]]


def register(
    session: Session,
    name: str,
    *,
    slots: int,
    processor: bool,
    hardware: Mapping[str, Sequence[str]],
) -> None:
    """Announce a worker, in place of what its name announced before; forget those that are gone."""
    at = now(session)
    session.execute(delete(Worker).where(Worker.seen_at <= at - GONE))
    found = {kind: list(codecs) for kind, codecs in hardware.items()}
    row = Worker(name=name, slots=slots, processor=processor, hardware=found, seen_at=at)
    session.merge(row)


def beat(session: Session, name: str) -> bool:
    """Record a sign of life; False when the worker is not announced."""
    alive = update(Worker).where(Worker.name == name).values(seen_at=now(session))
    return changed(session, alive) == 1


def leave(session: Session, name: str) -> None:
    """Take a worker off that is stopping."""
    session.execute(delete(Worker).where(Worker.name == name))


def withdraw(session: Session, name: str, kind: str, codec: str) -> None:
    """Take back what a worker's hardware no longer does, until it is announced again."""
    row = session.get(Worker, name, with_for_update=True)
    if row is None:
        return
    left = {
        one: [name for name in codecs if (one, name) != (kind, codec)]
        for one, codecs in row.hardware.items()
    }
    row.hardware = {one: codecs for one, codecs in left.items() if codecs}


def present(session: Session) -> list[Announced]:
    """List the workers that are there, by name."""
    at = now(session)
    working = select(Step.owner).where(
        Step.kind == StepKind.RENDITION, Step.state == StepState.RUNNING, Step.lease_until > at
    )
    owners = {owner for owner in session.scalars(working) if owner}
    busy = Counter(owner.rpartition("/")[0] for owner in owners)
    rows = session.scalars(select(Worker).where(Worker.seen_at > at - GONE).order_by(Worker.name))
    return [
        Announced(row.name, row.slots, busy[row.name], row.processor, dict(row.hardware))
        for row in rows
    ]


def waiting(session: Session, job_id: str) -> int:
    """Count the units of other jobs that wait for a worker; a job not yet planned counts one."""
    live = Job.state.in_((JobState.QUEUED, JobState.RUNNING))
    others = select(Step.job_id, Step.unit).join(Job).where(live, Step.job_id != job_id)
    units = others.where(Step.kind == StepKind.RENDITION, Step.state == StepState.WAITING)
    unplanned = others.where(Step.kind == StepKind.PROBE, Step.state != StepState.DONE)
    return sum(
        session.scalar(select(func.count()).select_from(query.distinct().subquery())) or 0
        for query in (units, unplanned)
    )
