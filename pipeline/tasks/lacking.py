"""Lacking: see which jobs wait for a worker with a tag that none has, and say so."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from pipeline.alerts.rules import channels_for
from pipeline.history import jobs, lacking, workers

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from pipeline.app import Runtime


def look_for_tags(ready: Runtime) -> None:
    """Record which jobs have come to lack a worker, and which no longer do; alerts are owed."""
    if not ready.settings.pipeline.tags:
        return
    with ready.db.read() as session:
        there = workers.tags_present(session)
        changed = lacking.changed(session, there)
    channels = channels_for(ready.settings.notifications, lacking.EVENT)
    for job_id in changed:
        ready.db.write(partial(_note, job_id, there, channels))


def _note(job_id: str, there: frozenset[str], channels: tuple[str, ...], session: Session) -> None:
    lacking.note(session, jobs.get(session, job_id, lock=True), there, channels)
