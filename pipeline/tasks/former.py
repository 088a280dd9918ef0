"""Former results: they are back in their place before what an attempt left behind is removed.

Who makes results anew exchanges the two folders, and records that after it. Was he killed between,
or was it undone, the former results lie where unfinished ones do.
"""

from __future__ import annotations

import logging
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.history import jobs
from pipeline.history.errors import DatabaseFull, JobNotFound
from pipeline.media.checksums import JOB_FILE, sha256
from pipeline.tasks.explain import AWAY
from pipeline.tasks.workspace import publish_folder

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from pipeline.app import Runtime
    from pipeline.history.steps import Claim
    from pipeline.models import Job
    from pipeline.tasks.workspace import Workspace

logger = logging.getLogger(__name__)


def open_workspace(ready: Runtime, workspace: Workspace, claim: Claim) -> None:
    """Open the workspace for an attempt, which removes what earlier ones left unfinished.

    Raises `OSError`, and nothing is removed, when former results can't be put back.
    """
    _put_back(ready, workspace, claim)
    workspace.open(claim)


def discard(ready: Runtime, workspace: Workspace, claim: Claim) -> None:
    """Remove what an attempt left unfinished.

    What may be former results stays, where that can't be told now, for who comes next.
    """
    try:
        _put_back(ready, workspace, claim)
    except (DatabaseFull, *AWAY, OSError) as problem:
        logger.warning("what job %s left behind is removed later: %s", claim.job_id, problem)
        return
    workspace.discard(claim)


def _put_back(ready: Runtime, workspace: Workspace, claim: Claim) -> None:
    if "manifest" in claim.attempts and workspace.stagings():
        ready.db.write(partial(_put_back_in, job_id=claim.job_id, workspace=workspace))


def _put_back_in(session: Session, job_id: str, workspace: Workspace) -> None:
    try:
        # Locked: nobody exchanges them meanwhile, nor records that he did.
        job = jobs.get(session, job_id, lock=True)
    except JobNotFound:
        return  # it ended without this attempt, and was forgotten: no results are recorded
    put_former_back(job, workspace)


def put_former_back(job: Job, workspace: Workspace) -> None:
    """Give former results their place again where others have it who are not recorded.

    The job's row must be locked. Raises `OSError`.
    """
    recorded = (job.outputs or {}).get("job_file_sha256")
    if job.output_directory is None or job.outputs_removed_at is not None or recorded is None:
        return
    for staged in workspace.stagings():
        former = staged / JOB_FILE
        if former.is_file() and sha256(former) == recorded:
            publish_folder(staged, Path(job.output_directory))
