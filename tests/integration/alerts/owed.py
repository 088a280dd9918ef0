"""Alerts that are owed: settings with channels, jobs that failed, and the rows of the outbox."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import select, update

from pipeline.errors import ReelworksError
from pipeline.history import events, jobs
from pipeline.history.database import now
from pipeline.models import JobState, OutboxRow
from pipeline.settings.load import Settings
from pipeline.settings.notifications import Notifications
from pipeline.settings.pipeline import PipelineSettings

if TYPE_CHECKING:
    from pipeline.history.database import Database
    from pipeline.models import Job

NewJob = Callable[..., "Job"]
BAD = ReelworksError("not_media", "It is a text.", "Give a video.")


def told(**urls: str) -> Settings:
    channels = {name: {"url": url, "on": ["failed"]} for name, url in urls.items()}
    return Settings(
        config_dir=Path("/config"),
        root=Path("/"),
        pipeline=PipelineSettings(),
        profiles={},
        schedules={},
        notifications=Notifications.model_validate({"channels": channels}),
    )


def fail(db: Database, new_job: NewJob, *channels: str, name: str = "clip.mp4") -> str:
    job_id = new_job(source_path=f"/inbox/{name}").id
    with db.begin() as session:
        jobs.end(session, job_id, JobState.FAILED, error=BAD, step="probe", channels=channels)
    return job_id


def fail_again(db: Database, job_id: str, *channels: str) -> None:
    with db.begin() as session:
        jobs.reopen(session, job_id, timedelta(hours=1), afresh=True)
    with db.begin() as session:
        assert jobs.end(session, job_id, JobState.FAILED, error=BAD, channels=channels)


def rows(db: Database) -> list[OutboxRow]:
    with db.read() as session:
        return list(session.scalars(select(OutboxRow).order_by(OutboxRow.id)))


def make_due(db: Database, **values: Any) -> None:
    with db.begin() as session:
        session.execute(update(OutboxRow).values(next_attempt_at=now(session), **values))


def log(db: Database, job_id: str) -> list[str]:
    with db.read() as session:
        return [event.message for event in events.since(session, job_id)]
