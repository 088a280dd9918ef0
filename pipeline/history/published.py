"""Published: where the results of jobs are, and what their `job.json` was when they appeared."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import select

from pipeline.history import jobs
from pipeline.models import Job

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

#: How many folders `page` lists.
PAGE = 1000


@dataclass(frozen=True)
class Published:
    """The output folder that a job published when it last succeeded.

    It stays where it is when the job is run again, until another takes its place.

    `job_file_sha256` is None for one that was published before checksums were kept.
    """

    job_id: str
    directory: str
    job_file_sha256: str | None


def of_job(session: Session, prefix: str) -> Published | None:
    """Find the folder of the job whose id begins so; None when it has none, or none any more.

    Raises `JobNotFound`.
    """
    job = jobs.find(session, prefix)
    if job.output_directory is None or job.outputs_removed_at is not None:
        return None
    return Published(job.id, job.output_directory, (job.outputs or {}).get("job_file_sha256"))


def page(session: Session, after: str = "") -> list[Published]:
    """List folders of jobs, in order of id: the next `PAGE` after the id `after`.

    Those that a retention removed are none any more.
    """
    there = Job.output_directory.is_not(None) & Job.outputs_removed_at.is_(None)
    rows = session.execute(
        select(Job.id, Job.output_directory, Job.outputs)
        .where(Job.id > after, there)
        .order_by(Job.id)
        .limit(PAGE)
    )
    return [
        Published(job_id, directory or "", (outputs or {}).get("job_file_sha256"))
        for job_id, directory, outputs in rows
    ]
