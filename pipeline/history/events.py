"""A job's log: what happened, in order, in words a person understands."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict
from sqlalchemy import select

from pipeline.history.database import now
from pipeline.models import Event

if TYPE_CHECKING:
    from sqlalchemy.orm import Session


class EventView(BaseModel):
    """One event as people and programs see it."""

    model_config = ConfigDict(frozen=True, from_attributes=True)

    id: int
    at: datetime
    kind: str
    message: str
    data: dict[str, Any]


def add(session: Session, job_id: str, kind: str, message: str, **data: Any) -> None:
    """Append one event to the job's log, in the caller's transaction. `data` must be JSON."""
    session.add(Event(job_id=job_id, at=now(session), kind=kind, message=message, data=data))


def since(session: Session, job_id: str, after: int = 0) -> list[EventView]:
    """List the job's events with an id above `after`, oldest first."""
    columns = (Event.id, Event.at, Event.kind, Event.message, Event.data)
    rows = session.execute(
        select(*columns).where(Event.job_id == job_id, Event.id > after).order_by(Event.id)
    )
    return [EventView.model_validate(row) for row in rows]
