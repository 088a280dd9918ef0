"""A job that was refused for its sidecar: what the mended one says is taken when it runs again."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import select

from pipeline.history.errors import WrongState
from pipeline.history.views import SHORT_ID
from pipeline.ingest.sidecar import read_sidecar
from pipeline.ingest.submit import BAD_SIDECAR
from pipeline.models import Job

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from pipeline.settings.load import Settings


def take_mended(session: Session, settings: Settings, job: Job) -> None:
    """Let the refused job be as the sidecar beside its source says now; others stay as they are.

    The job's row must be locked. Raises `ConfigurationError`, with the line, for a sidecar that is
    still wrong, and `WrongState` where it names a profile in which the content has a job already.
    """
    if job.error_code != BAD_SIDECAR:
        return
    said = read_sidecar(Path(job.source_path), settings.profiles, settings.pipeline.tags)
    if said.profile is not None and said.profile != job.profile:
        _check_is_free(session, job, said.profile)
        job.profile = said.profile
    if said.priority is not None:
        job.priority = said.priority
    job.title, job.language, job.tags = said.title, said.language, said.metadata or None
    job.needs = said.needs or job.needs


def _check_is_free(session: Session, job: Job, profile: str) -> None:
    same = select(Job).where(Job.fingerprint == job.fingerprint, Job.profile == profile)
    other = session.scalars(same).first()
    if other is not None:
        short = other.id[:SHORT_ID]
        raise WrongState(
            f"Its sidecar names the profile {profile}, and job {short} makes that already.",
            f"`reelworks show {short}` tells of it; take `profile` out to have another.",
        )
