"""Re-encode: make results of what is in the library again, with another or a changed profile."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.app import app, runtime
from pipeline.errors import ReelworksError
from pipeline.history import jobs, library
from pipeline.history.errors import WrongState
from pipeline.history.known import Identity
from pipeline.ingest.results import results_gone
from pipeline.settings.values import whole_seconds
from pipeline.tasks.timed import Timed, Told
from pipeline.workflows import launch, retry

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from pipeline.app import Runtime
    from pipeline.models import Job

logger = logging.getLogger(__name__)

#: How many jobs one run begins, unless the entry says otherwise.
LIMIT = 10
#: Nobody waits for it: what is dropped meanwhile goes first.
PRIORITY = 0


@app.task(base=Timed, name="pipeline.reencode", ignore_result=True)
def reencode(
    to: str | None = None,
    profiles: tuple[str, ...] = (),
    older_than: str | None = None,
    limit: int = LIMIT,
) -> Told:
    """Begin the next jobs, oldest first: with the profile `to`, or anew where theirs has changed.

    Results that are there stay; those of another profile get a folder of their own.
    """
    ready = runtime()
    age = None if older_than is None else whole_seconds(older_than)
    with ready.db.read() as session:
        found = library.to_reencode(session, profiles=profiles, to=to, older_than=age)
    begun, gone = 0, 0
    for job_id in found:
        if begun >= limit:
            break
        try:
            begun += _again(ready, job_id) if to is None else _with(ready, job_id, to)
        except ReelworksError as why:
            gone += 1
            logger.info("job %s is not made again: %s", job_id, why)
    left = f"; {gone} could not be, as their source is gone or another" if gone else ""
    return Told(f"{begun} begun{left}", {"begun": begun, "not_possible": gone})


def _again(ready: Runtime, job_id: str) -> bool:
    """Run the job again if its profile has changed since; False when there is nothing to do.

    Results that somebody took out of the library are nothing to do.
    """
    with ready.db.read() as session:
        if results_gone(jobs.get(session, job_id), ready.settings.pipeline.paths.library):
            return False
    try:
        retry(job_id)
    except WrongState:
        return False
    return True


def _with(ready: Runtime, job_id: str, profile: str) -> bool:
    """Make a job of the same source with another profile; False when there is one already."""
    ready.settings.profile(profile)

    def act(session: Session) -> tuple[Job, bool]:
        return jobs.create(session, _new(ready, jobs.get(session, job_id), profile))

    job, created = ready.db.write(act)
    if created:
        launch(job.id)
    return created


def _new(ready: Runtime, job: Job, profile: str) -> jobs.NewJob:
    """Say what the other job is made of: the source where it is now, and where it stays.

    Raises `ReelworksError` (`source_gone`, `source_changed`).
    """
    path = Path(job.source_path)
    try:
        identity = Identity.of(path.stat())
    except OSError as problem:
        raise ReelworksError("source_gone", f"{path} is gone: {problem.strerror}.") from problem
    if (identity.bytes, identity.mtime_ns) != (job.source_bytes, job.source_mtime_ns):
        raise ReelworksError("source_changed", f"{path} has changed since.")
    return jobs.NewJob(
        source_path=str(path),
        source_bytes=identity.bytes,
        source_mtime_ns=identity.mtime_ns,
        source_inode=identity.inode,
        source_ctime_ns=job.source_ctime_ns,  # nobody has read it since
        fingerprint=job.fingerprint,
        profile=profile,
        priority=PRIORITY,
        library_subfolder=job.library_subfolder,
        on_success="keep",
        on_failure="keep",
        archive_to=None,
        quarantine_to=None,
        deadline=ready.settings.pipeline.limits.deadline,
        needs=job.needs,
    )
