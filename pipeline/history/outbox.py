"""Alerts owed: one row a run, event and channel, written in the transaction that ends the job."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import and_, func, or_, select, update

from pipeline.history.database import changed, now
from pipeline.models import OutboxRow

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy import ColumnElement
    from sqlalchemy.orm import Session

    from pipeline.models import Job

#: How long a sender may take before another may try: longer than any channel's time limit.
SEND_LEASE = timedelta(minutes=2)


def owe(session: Session, job: Job, event: str, channels: Iterable[str]) -> None:
    """Record that each channel is to hear of the event in the job's run; its row must be locked.

    A channel that is owed that, or was told, is left out.
    """
    about = {"job_id": job.id, "run": job.run, "event": event}
    known = set(session.scalars(select(OutboxRow.channel).filter_by(**about)))
    at = now(session)
    for channel in dict.fromkeys(channels):
        if channel not in known:
            row = OutboxRow(channel=channel, created_at=at, next_attempt_at=at, **about)
            session.add(row)


def owe_message(
    session: Session,
    event: str,
    channels: Iterable[str],
    *,
    title: str,
    body: str,
    kind: str,
    run: str = "",
) -> None:
    """Record that each channel is to be told this, about no single job.

    `run` is the run of a schedule that tells it.
    """
    at = now(session)
    said = {"title": title, "body": body, "kind": kind} | ({"run": run} if run else {})
    for channel in dict.fromkeys(channels):
        row = OutboxRow(event=event, channel=channel, created_at=at, next_attempt_at=at)
        row.message = said
        session.add(row)


def due(session: Session, at: datetime, limit: int = 100) -> list[OutboxRow]:
    """List open rows whose time has come and that nobody is sending, oldest first."""
    query = select(OutboxRow).where(_is_due(at)).order_by(OutboxRow.id).limit(limit)
    return list(session.scalars(query))


def _is_due(at: datetime) -> ColumnElement[bool]:
    """Say which rows may be sent at the moment `at`.

    What was owed only later than that, or is held for longer than anybody does, is from before the
    clock was set back, and not waited for.
    """
    tried = OutboxRow.attempts > 0
    due = or_(OutboxRow.next_attempt_at <= at, ~tried & (OutboxRow.created_at > at))
    until = OutboxRow.lease_until
    free = or_(until.is_(None), until <= at, until > at + 2 * SEND_LEASE)
    return and_(OutboxRow.closed_at.is_(None), due, free)


def pending(session: Session) -> int:
    """Count the alerts still owed."""
    return session.execute(
        select(func.count()).select_from(OutboxRow).where(OutboxRow.closed_at.is_(None))
    ).scalar_one()


def claim(session: Session, row_id: int, owner: str) -> bool:
    """Take the right to send one row; False when somebody else has it, or it is not due."""
    at = now(session)
    taken = changed(
        session,
        update(OutboxRow)
        .where(OutboxRow.id == row_id, _is_due(at))
        .values(
            owner=owner,
            lease_until=at + SEND_LEASE,
            attempts=OutboxRow.attempts + 1,
            next_attempt_at=at,
        ),
    )
    return taken == 1


def holders(session: Session) -> set[str]:
    """Name who holds a row that is not delivered yet."""
    held = OutboxRow.closed_at.is_(None) & OutboxRow.lease_until.is_not(None)
    return {owner for owner in session.scalars(select(OutboxRow.owner).where(held)) if owner}


def let_go(session: Session, owners: Iterable[str]) -> None:
    """Free the rows of owners of whom nothing is left.

    Whether those were told nobody knows, nor would anybody who waited until the lease lapses.
    """
    held = OutboxRow.closed_at.is_(None) & OutboxRow.owner.in_(list(owners))
    session.execute(update(OutboxRow).where(held).values(lease_until=None))


def sent(session: Session, row_id: int) -> None:
    """Close the row: the alert was delivered."""
    at = now(session)
    session.execute(
        update(OutboxRow)
        .where(OutboxRow.id == row_id)
        .values(sent_at=at, closed_at=at, lease_until=None, error=None)
    )


def failed(
    session: Session, row_id: int, owner: str, error: str, retry_at: datetime | None
) -> bool:
    """Record that sending failed: try again at `retry_at`, or never when it is None.

    Does nothing, and returns False, when the row is no longer this owner's: its lease lapsed and
    somebody else took it, or has sent it.
    """
    values: dict[str, object] = {"error": error, "lease_until": None}
    if retry_at is None:
        values["closed_at"] = now(session)
    else:
        values["next_attempt_at"] = retry_at
    held = changed(
        session,
        update(OutboxRow)
        .where(OutboxRow.id == row_id, OutboxRow.owner == owner, OutboxRow.closed_at.is_(None))
        .values(**values),
    )
    return held == 1
