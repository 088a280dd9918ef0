"""What every step does around its own work: claim, heartbeat, publish, fail, retry."""

from __future__ import annotations

import errno
import logging
import random
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy.exc import DBAPIError

from pipeline.app import Runtime, runtime
from pipeline.errors import ReelworksError, TransientError
from pipeline.history import jobs, steps
from pipeline.history.database import now
from pipeline.history.errors import LeaseLost
from pipeline.history.steps import Claim, Refusal
from pipeline.media.tools import Tools, find_tools
from pipeline.models import JobState
from pipeline.plan.plan import Plan
from pipeline.tasks.finalise import finalise
from pipeline.tasks.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from celery import Task
    from sqlalchemy.orm import Session

    from pipeline.media.process import Progress
    from pipeline.models import Job

logger = logging.getLogger(__name__)

#: The database hears of progress at most this often, seconds; it is also how soon a cancelled
#: encode stops. Far below the lease, so that a few lost beats cost nothing.
BEAT_S = 2.0
#: Back-off before another try: the first wait, doubled each time, up to the last; seconds.
FIRST_RETRY_S = 5.0
LAST_RETRY_S = 600.0


class StepFailed(Exception):
    """Tells Celery that a step failed for good; the reasons are in the database."""


@dataclass
class Work:
    """One claimed step (or unit of steps), as its own code sees it."""

    runtime: Runtime
    claim: Claim
    source_path: Path
    original_name: str
    library_subfolder: str
    profile: str
    #: None before the probe step has made it.
    plan: Plan | None
    deadline_at_monotonic: float
    workspace: Workspace
    #: The end of what the tools printed, kept with the attempt.
    log: str = ""
    _beaten_at: float = field(default_factory=time.monotonic)

    @property
    def timeout_s(self) -> float:
        """How long the work may still take before the job's deadline, seconds."""
        return max(self.deadline_at_monotonic - time.monotonic(), 0.1)

    @property
    def planned(self) -> Plan:
        """The plan, which every step after the probe has."""
        if self.plan is None:
            raise ReelworksError("internal", "The job has no plan though its probe step is done.")
        return self.plan

    def beat(self, share: float) -> None:
        """Tell the database that the work moves: `share` of it is done. Raises `LeaseLost`."""
        if time.monotonic() - self._beaten_at < BEAT_S:
            return
        self._beaten_at = time.monotonic()
        with self.runtime.db.begin() as session:
            steps.heartbeat(session, self.claim, share)

    def tick(self, progress: Progress) -> None:
        """Heartbeat from a running tool, measured by how much of the source it has passed."""
        duration = self.plan.duration_s if self.plan else 0.0
        self.beat(progress.out_time_s / duration if duration > 0 else 0.0)

    def alive(self, progress: Progress) -> None:
        """Heartbeat from a tool that checks finished work."""
        if progress.moved:
            self.beat(1.0)

    @contextmanager
    def publishing(self) -> Iterator[tuple[Session, Job]]:
        """Hold the fence: what is renamed and recorded inside is done when the block ends."""
        with (
            self.runtime.db.begin() as session,
            steps.publishing(session, self.claim, log=self.log) as job,
        ):
            yield session, job


@lru_cache(maxsize=1)
def tools() -> Tools:
    """Give this process's ffmpeg, ffprobe and packager. Raises `MediaError` when one is missing."""
    return find_tools(runtime().settings.pipeline.tools)


def perform(
    task: Task[..., str], job_id: str, names: tuple[str, ...], body: Callable[[Work], None]
) -> str:
    """Do one step: claim what is not done of `names`, run `body`, and see that its end is kept.

    Returns a word for the log. Raises `celery.exceptions.Retry` when the step is to be tried
    again, `StepFailed` when it failed for good.
    """
    ready = runtime()
    limit = ready.settings.pipeline.limits.attempts
    owner = f"{task.request.hostname}/{task.request.id}"
    with ready.db.begin() as session:
        claim = steps.claim(session, job_id, names, owner=owner, limit=limit)
        work = None if isinstance(claim, Refusal) else _work(ready, session, claim)
    if isinstance(claim, Refusal) or work is None:
        return _refused(ready, job_id, names, claim)
    try:
        work.workspace.open(work.claim)
        body(work)
    except LeaseLost as error:
        logger.info("%s", error)
        _discard(work)
        return "lease lost"
    except Exception as error:  # noqa: BLE001 - every failure is recorded, and told to Celery
        _discard(work)
        _failed(task, work, explain(error), limit)
    except BaseException:
        # The worker is being stopped: give the step back unharmed, for whoever comes next.
        _discard(work)
        with ready.db.begin() as session:
            steps.release(session, work.claim)
        raise
    return "done"


def _work(ready: Runtime, session: Session, claim: Claim) -> Work:
    job = jobs.get(session, claim.job_id)
    paths = ready.settings.pipeline.paths
    left = (job.deadline_at - now(session)).total_seconds()
    return Work(
        runtime=ready,
        claim=claim,
        source_path=Path(job.source_path),
        original_name=Path(job.original_path).name,
        library_subfolder=job.library_subfolder,
        profile=job.profile,
        plan=None if job.plan is None else Plan.model_validate(job.plan),
        deadline_at_monotonic=time.monotonic() + left,
        workspace=Workspace(paths.work, paths.library, job.id),
    )


def _discard(work: Work) -> None:
    for step in work.claim.names:
        work.workspace.discard(step)


def _refused(ready: Runtime, job_id: str, names: tuple[str, ...], refusal: object) -> str:
    if refusal is Refusal.EXPIRED:
        finalise(ready, job_id, JobState.EXPIRED, error=expired(), step=names[0])
    if refusal is Refusal.EXHAUSTED:
        finalise(ready, job_id, JobState.FAILED, error=exhausted(names[0]), step=names[0])
    if refusal is Refusal.FAILED:
        raise StepFailed(f"{', '.join(names)} of job {job_id} failed before")
    return f"refused: {refusal.value}" if isinstance(refusal, Refusal) else "refused"


def _failed(task: Task[..., str], work: Work, error: ReelworksError, limit: int) -> None:
    again = error.transient and work.claim.tries < limit
    wait_s = retry_wait_s(work.claim.tries)
    with work.runtime.db.begin() as session:
        retry_in = timedelta(seconds=wait_s) if again else None
        steps.fail(session, work.claim, error, retry_in=retry_in, log=work.log)
    logger.warning("%s of job %s: %s", ", ".join(work.claim.names), work.claim.job_id, error)
    if again:
        raise task.retry(exc=StepFailed(error.message), countdown=wait_s, max_retries=None)
    raise StepFailed(error.message) from None


def retry_wait_s(tries: int) -> float:
    """Choose how long to wait before the next try, seconds: exponential, with full jitter.

    Jitter keeps many steps that failed together (a full disk, a lost share) from coming back
    together.
    """
    ceiling = min(LAST_RETRY_S, FIRST_RETRY_S * 2 ** (tries - 1))
    return random.uniform(ceiling / 2, ceiling)  # noqa: S311 - spreads load, guards nothing


def explain(error: Exception) -> ReelworksError:
    """Turn any exception of a step into an error a person can act on.

    Errors of the system and the database can pass; what nobody foresaw is tried again too,
    since the number of tries is limited.
    """
    if isinstance(error, ReelworksError):
        return error
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return TransientError(
            "no_space",
            f"There is no space left where {error.filename or 'the results'} should be written.",
            "Free some space, or point `paths` in pipeline.yml to a larger disk.",
        )
    if isinstance(error, DBAPIError):
        return TransientError("database", f"The database refused: {error.orig}")
    logger.error("unforeseen error", exc_info=error)
    return TransientError(
        "internal",
        f"Something unforeseen went wrong: {type(error).__name__}: {error}",
        "`reelworks logs` shows more; please report it with them.",
    )


def expired() -> ReelworksError:
    """Say that a job's deadline passed before its work was done."""
    return ReelworksError(
        "expired",
        "The job's deadline passed before its work was done.",
        "`reelworks retry` tries again; `limits.deadline` in pipeline.yml sets the time allowed.",
    )


def exhausted(step: str) -> ReelworksError:
    """Say that a step's worker was lost as often as a step may be tried."""
    return ReelworksError(
        "worker_lost",
        f"The step {step} lost its worker as often as it may be tried.",
        "Look for killed workers (memory, power); `reelworks retry` tries again.",
    )
