"""Workers that encode: what they announced, whether they are still there, how busy they are."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import delete, exists, func, select, true, update
from sqlalchemy.orm import aliased

from pipeline.history.database import changed, now
from pipeline.models import ENCODING, Job, JobState, Step, StepKind, StepState, Worker

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import ColumnElement
    from sqlalchemy.orm import Session

#: A worker not heard of for this long is gone. Its signs of life come every ten seconds.
GONE = timedelta(seconds=60)
ALL = true()


@dataclass(frozen=True)
class Announced:
    """A worker that is there. `busy` of its `slots` encode now; `hardware`: kind → codecs.

    What needs one of `tags` only workers with that tag take.

    `name` is `node/process`: two workers of a machine may have one node name.
    """

    name: str
    slots: int
    busy: int
    processor: bool
    hardware: dict[str, list[str]]
    tags: tuple[str, ...] = ()


def register(
    session: Session,
    name: str,
    *,
    slots: int,
    processor: bool,
    hardware: Mapping[str, Sequence[str]],
    tags: Sequence[str] = (),
) -> None:
    """Announce a worker, in place of what its name announced before; forget those that are gone."""
    at = now(session)
    session.execute(delete(Worker).where(Worker.seen_at <= at - GONE))
    found = {kind: list(codecs) for kind, codecs in hardware.items()}
    row = Worker(name=name, slots=slots, processor=processor, hardware=found, seen_at=at)
    row.tags = list(tags)
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
        Step.kind.in_(ENCODING), Step.state == StepState.RUNNING, Step.lease_until > at
    )
    owners = {owner for owner in session.scalars(working) if owner}
    busy = Counter(owner.rpartition("/")[0] for owner in owners)
    rows = session.scalars(select(Worker).where(Worker.seen_at > at - GONE).order_by(Worker.name))
    return [
        # It may hold one more step, which is made ready or published while another is encoded.
        Announced(
            *(row.name, row.slots, min(busy[row.name], row.slots)),
            *(row.processor, dict(row.hardware), tuple(row.tags)),
        )
        for row in rows
    ]


def tags_present(session: Session) -> frozenset[str]:
    """Name the tags of the workers that are there."""
    seen = select(Worker.tags).where(Worker.seen_at > now(session) - GONE)
    return frozenset(tag for tags in session.scalars(seen) for tag in tags)


def of_tag(tag: str | None) -> ColumnElement[bool]:
    """Ask for the jobs that need this tag; None: those that need none."""
    needed = func.coalesce(Job.tag, Job.needs)
    return needed.is_(None) if tag is None else needed == tag


def waiting(session: Session, job_id: str, most: int, which: ColumnElement[bool] = ALL) -> int:
    """Count the units of other jobs that wait for a worker, up to `most`; `which` chooses jobs.

    A job that is not yet planned counts one. Who asks has few slots to give away: how long the
    queue is beyond them is of no use, and counting it would take the longer the longer it is.
    """
    queued = select(Job.id).where(Job.state == JobState.QUEUED, Job.id != job_id, which)
    begun = select(Step.job_id, Step.unit).join(Job).where(which)
    part = aliased(Step)
    early = exists().where(
        part.job_id == Step.job_id, part.kind == StepKind.RANGE, part.state != StepState.DONE
    )
    # What joins ranges waits for them, not for a worker.
    ready = (Step.kind == StepKind.RANGE) | (Step.position < StepKind.RENDITION.position) | ~early
    waits = Step.kind.in_(ENCODING) & (Step.state == StepState.WAITING) & ready
    unplanned = (Step.kind == StepKind.PROBE) & (Step.state != StepState.DONE)
    units = begun.where(Job.state == JobState.RUNNING, Step.job_id != job_id, waits | unplanned)
    counted = 0
    for query in (queued, units.distinct()):
        some = query.limit(most).subquery()
        counted += session.scalar(select(func.count()).select_from(some)) or 0
    return min(counted, most)
