"""What every step does around its own work: claim, heartbeat, publish, fail, retry."""

from __future__ import annotations

import logging
import math
import time
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from datetime import timedelta
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, TypeVar

from pipeline.app import Runtime, runtime
from pipeline.errors import ReelworksError, order_to_stop
from pipeline.history import again, freeing, jobs, steps
from pipeline.history.database import now
from pipeline.history.errors import DatabaseFull, LeaseLost
from pipeline.history.patience import patiently, unless_full, until_room, until_written
from pipeline.history.steps import Claim, Refusal
from pipeline.ingest.fingerprint import content_of
from pipeline.media.errors import MediaError
from pipeline.media.tools import Tools, find_tools
from pipeline.models import Job, JobState
from pipeline.plan.plan import Plan
from pipeline.tasks.backoff import retry_wait_s, room_wait_s
from pipeline.tasks.explain import AWAY, exhausted, expired, explain
from pipeline.tasks.finalise import finalise
from pipeline.tasks.former import discard, open_workspace
from pipeline.tasks.origin import Origin, content
from pipeline.tasks.owner import owner_of
from pipeline.tasks.planned import PlanOutdated, plan_again_if_outdated, stored_plan
from pipeline.tasks.resumption import send_resume
from pipeline.tasks.room import CODE as NO_ROOM
from pipeline.tasks.room import Room, in_bytes
from pipeline.tasks.unwhole import CHANGED, OF_CONTENT, Verdict, judge
from pipeline.tasks.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future

    from celery import Task
    from sqlalchemy.orm import Session

    from pipeline.media.process import Progress

logger = logging.getLogger(__name__)

T = TypeVar("T")
#: The database hears of progress at most this often, seconds; it is also how soon a cancelled
#: encode stops. Far below the lease, so that a few lost beats cost nothing.
BEAT_S = 2.0
#: How long work goes on while the database does not answer, seconds. Nobody else can claim it
#: meanwhile; and should only we be cut off, the fence keeps what we make from being published.
UNHEARD_S = 600.0


class StepFailed(Exception):
    """Tells Celery that a step failed for good; the reasons are in the database."""


#: How a step's task may end that a line in the log is enough for: its reasons are known.
EXPECTED = (StepFailed, DatabaseFull)


class GivenBack(Exception):
    """The step can't be done now, and that is nobody's failure: others come first again."""


@dataclass
class Work:
    """One claimed step (or unit of steps), as its own code sees it."""

    runtime: Runtime
    claim: Claim
    #: The job's run that the claim belongs to: only that one is ended by it.
    run: int
    origin: Origin
    original_name: str
    library_subfolder: str
    profile: str
    #: None before the probe step has made it. Its source is where the job's source is now.
    plan: Plan | None
    deadline_at_monotonic: float
    workspace: Workspace
    #: The end of what the tools printed, kept with the attempt.
    log: str = ""
    _beaten_at: float = field(default_factory=time.monotonic)
    _heard_at: float = field(default_factory=time.monotonic)
    #: Whether it only waits, and whether the database knows that it does; None: who can tell.
    _idle: bool = False
    _known_idle: bool | None = False

    @property
    def attempt(self) -> int:
        """The number of this attempt: the highest among the claimed steps."""
        return max(self.claim.attempts.values())

    @property
    def timeout_s(self) -> float:
        """How long the work may still take before the job's deadline, seconds."""
        return max(self.deadline_at_monotonic - time.monotonic(), 0.1)

    @property
    def late(self) -> bool:
        """Whether the job's deadline has passed."""
        return time.monotonic() >= self.deadline_at_monotonic

    @property
    def planned(self) -> Plan:
        """The plan, which every step after the probe has."""
        if self.plan is None:
            raise ReelworksError("internal", "The job has no plan though its probe step is done.")
        return self.plan

    def beat(self, share: float, *, idle: bool = False) -> None:
        """Tell the database that the work moves: `share` of it is done. Raises `LeaseLost`.

        While it is `idle`, as it waits for its turn, its try does not count. A database that does
        not answer for a while costs nothing but the news.
        """
        turned, self._idle = idle is not self._idle, idle
        if not turned and time.monotonic() - self._beaten_at < BEAT_S:
            return
        self._beaten_at = time.monotonic()
        try:
            self._show_hold(share)
        except DatabaseFull as full:
            # Nobody else can claim it either, however long that lasts.
            self._heard_at = time.monotonic()
            logger.warning("job %s: a heartbeat is left out: %s", self.claim.job_id, full.message)
        except AWAY as problem:
            if time.monotonic() - self._heard_at > UNHEARD_S:
                raise LeaseLost(self.claim.job_id, self.claim.names) from problem
            logger.warning("job %s: a heartbeat was lost: %s", self.claim.job_id, problem)
        else:
            self._heard_at = time.monotonic()

    def _show_hold(self, share: float) -> None:
        told = None if self._idle is self._known_idle else self._idle
        if told is not None:
            self._known_idle = None  # whether what is said now is kept shows at the end only
        show = partial(steps.heartbeat, claim=self.claim, progress=share, idle=told)
        self.runtime.db.write(show)
        self._known_idle = self._idle

    def meanwhile(self, act: Callable[[], T], share: float = 1.0) -> T:
        """Do what can't tell how far it is, as flushing to disk, and keep the lease meanwhile."""
        with ThreadPoolExecutor(1) as pool:
            return self.awaited(pool.submit(act), share)

    def awaited(self, acting: Future[T], share: float = 1.0) -> T:
        """Wait for what a thread does, keep the lease meanwhile, and give what came of it."""
        while not wait([acting], BEAT_S).done:
            self.beat(share)
        return acting.result()

    def check_source(self) -> None:
        """See that the source is still the file that was submitted.

        Raises `MediaError`: `source_gone`, `source_changed`.
        """
        origin, found = self.origin, self.origin.checked()
        if not origin.is_same(found):
            # Only touched, or copied to where times are coarser: what is in it decides.
            there = self.meanwhile(partial(content, origin.path, found), 0.0)
            if there != content_of(origin.fingerprint):
                raise origin.changed("its content is another one")
        if origin.is_touched(found):
            here = self.claim.job_id, str(origin.path), found.st_mtime_ns, found.st_ino
            self.runtime.db.write(lambda session: jobs.replace_source(session, *here))
        self.origin = origin.as_of(found)

    def check_source_kept(self) -> None:
        """See, once the source was read, that nobody wrote to it meanwhile; it may be gone by now.

        Raises `MediaError` (`source_changed`).
        """
        if self.origin.path.exists():
            self.check_source()

    def cause_of(self, error: ReelworksError) -> ReelworksError:
        """Tell what is wrong where a step failed over what is in the source: maybe it is new."""
        if error.code not in OF_CONTENT:
            return error
        try:
            self.check_source()
        except MediaError as found:
            return found.telling(error.log) if found.code == CHANGED else error
        except OSError:
            pass  # it can't be read now: what was said of it stands
        return error

    def tick(self, progress: Progress) -> None:
        """Heartbeat from a running tool, measured by how much of the source it has passed."""
        duration = self.plan.duration_s if self.plan else 0.0
        self.beat(progress.out_time_s / duration if duration > 0 else 0.0)

    def alive(self, progress: Progress) -> None:
        """Heartbeat from a tool that checks finished work."""
        if progress.moved:
            self.beat(1.0)

    def publish(self, act: Callable[[Session, Job], T]) -> T:
        """Do `act` behind the fence: what it renames and records is done when this returns.

        A server may undo what it records: then it is done again, and renames nothing twice. While
        the database's disk is full it is waited for: the work is done.
        """
        if until_written(self.runtime.db):
            patiently(partial(self._show_hold, 1.0))

        def behind_the_fence(session: Session) -> T:
            with steps.publishing(session, self.claim, log=self.log) as job:
                return act(session, job)

        return self.runtime.db.write(behind_the_fence)


@lru_cache(maxsize=1)
def tools() -> Tools:
    """Give this process's ffmpeg, ffprobe and packager. Raises `MediaError` when one is missing."""
    pipeline = runtime().settings.pipeline
    return find_tools(pipeline.tools, pipeline.limits)


def perform(
    task: Task[..., str],
    job_id: str,
    names: tuple[str, ...],
    body: Callable[[Work], None],
    room_for: Callable[[Work], Room | None] = lambda _: None,
) -> str:
    """Do one step: claim what is not done of `names`, run `body`, and see that its end is kept.

    `room_for` tells what the results need; while there is less, the step waits and tries nothing.
    Returns a word for the log. Raises `celery.exceptions.Retry` when the step is to be tried
    again, `StepFailed` when it failed for good. While the database's disk is full it waits.
    """
    ready = runtime()
    limit = ready.settings.pipeline.limits.attempts
    until_room(ready.db, job_id)
    try:
        work, run = patiently(partial(_claimed, ready, job_id, names, owner_of(task), limit))
    except PlanOutdated:
        return _plan_again(ready, job_id)
    except (SystemExit, KeyboardInterrupt):
        _stopped(ready, task, job_id)  # that it is ours may be written down already
        raise
    if isinstance(work, Refusal):
        return _refused(ready, job_id, run, names, work)
    room = None
    try:
        open_workspace(ready, work.workspace, work.claim)
        room = room_for(work)
        if room is not None:
            room.check()
        body(work)
    except LeaseLost as error:
        logger.info("%s", error)
        discard(ready, work.workspace, work.claim)
        return "lease lost"
    except GivenBack as reason:
        patiently(partial(_give_back, work))
        send_resume(job_id)
        return f"given back: {reason}"
    except BaseException as error:  # recorded and told to Celery, or an order to stop
        discard(ready, work.workspace, work.claim)
        stop = order_to_stop(error)
        if stop is None and isinstance(error, Exception):
            return patiently(
                partial(_ended_badly, task, work, in_bytes(explain(error), room), limit)
            )
        _stopped(ready, task, job_id)
        if stop not in (None, error):
            raise stop from error
        raise
    return "done"


def _claimed(
    ready: Runtime, job_id: str, names: tuple[str, ...], owner: str, limit: int
) -> tuple[Work | Refusal, int | None]:
    """Claim the steps, or nothing; returns also the job's run, None when there is no such job.

    Raises `PlanOutdated`: then nothing is claimed either.
    """
    full_at = ready.db.last_full()

    def act(session: Session) -> tuple[Work | Refusal, int | None]:
        claim = steps.claim(session, job_id, names, owner=owner, limit=limit, full_at=full_at)
        run = job.run if (job := session.get(Job, job_id)) else None
        return claim if isinstance(claim, Refusal) else _work(ready, session, claim), run

    return ready.db.write(act)


def _plan_again(ready: Runtime, job_id: str) -> str:
    def act(session: Session) -> None:
        job = jobs.get(session, job_id, lock=True)
        plan_again_if_outdated(session, job, ready.settings.pipeline.tags)

    ready.db.write(act)
    send_resume(job_id)
    return "to be planned again"


def _work(ready: Runtime, session: Session, claim: Claim) -> Work:
    job = jobs.get(session, claim.job_id)
    paths = ready.settings.pipeline.paths
    left = (job.deadline_at - now(session)).total_seconds()
    origin = Origin.of(job)
    plan = stored_plan(job)
    return Work(
        runtime=ready,
        claim=claim,
        run=job.run,
        origin=origin,
        original_name=Path(job.original_path).name,
        library_subfolder=job.library_subfolder,
        profile=job.profile,
        plan=None if plan is None else origin.as_source_of(plan),
        deadline_at_monotonic=time.monotonic() + left,
        workspace=Workspace(paths.work, paths.library, job.id),
    )


def _give_back(work: Work) -> None:
    discard(work.runtime, work.workspace, work.claim)
    work.runtime.db.write(partial(steps.release, claim=work.claim))


def _stopped(ready: Runtime, task: Task[..., str], job_id: str) -> None:
    """The worker is being stopped: give the step back unharmed, for whoever comes next."""
    with unless_full(f"job {job_id} is free when its lease has lapsed"):
        ready.db.write(partial(freeing.release_owner, owner=owner_of(task)))


def _refused(
    ready: Runtime, job_id: str, run: int | None, names: tuple[str, ...], refusal: Refusal
) -> str:
    end = partial(finalise, ready, job_id, run=run, step=names[0])
    if refusal is Refusal.EXPIRED:
        end(JobState.EXPIRED, error=expired())
    if refusal is Refusal.EXHAUSTED:
        end(JobState.FAILED, error=exhausted(names[0]))
    if refusal is Refusal.FAILED:
        raise StepFailed(f"{', '.join(names)} of job {job_id} failed before")
    return f"refused: {refusal.value}"


def _ended_badly(task: Task[..., str], work: Work, error: ReelworksError, limit: int) -> str:
    """Record the failure, unless it is the source that was not whole: then it is not the last.

    Returns a word for the log when the job waits for its source. Raises as `perform` does.
    """
    entry = work.runtime.settings.folder_for(work.origin.path)
    verdict = Verdict(error)
    if not error.transient:
        verdict = judge(work.origin, entry, work.cause_of(error))
    if verdict.hold is not None:
        work.runtime.db.write(partial(again.hold, claim=work.claim, why=verdict.hold))
        return "waits for its source"
    if verdict.again_in_s is not None and not work.late:
        wait_s, more = verdict.again_in_s, task.request.retries + 1
        later, why = timedelta(seconds=wait_s), error.message
        work.runtime.db.write(partial(steps.postpone, claim=work.claim, retry_in=later, why=why))
        raise _retry(task, error, wait_s, more)
    return _failed(task, work, verdict.error, limit)


def _retry(task: Task[..., str], error: ReelworksError, wait_s: float, most: int) -> Exception:
    """Send the task again after at least `wait_s`; returns what is to be raised.

    In whole seconds: Celery cuts fractions off on RabbitMQ, where nothing less than 1 can be sent.
    """
    why, countdown = StepFailed(error.message), math.ceil(wait_s)
    return task.retry(exc=why, countdown=countdown, max_retries=most, throw=False)


def _failed(task: Task[..., str], work: Work, error: ReelworksError, limit: int) -> NoReturn:
    full = error.code == NO_ROOM
    retried = error.transient and (full or work.claim.tries < limit) and not work.late
    wait_s = room_wait_s(work.attempt) if full else retry_wait_s(work.claim.tries)
    retry_in = timedelta(seconds=wait_s) if retried else None
    # A full disk is not the file's fault: waiting for room uses up no try.
    end = partial(steps.fail, retry_in=retry_in, log=work.log + error.log, uncount=full)
    ours = work.runtime.db.write(partial(end, claim=work.claim, error=error))
    logger.warning("%s of job %s: %s", ", ".join(work.claim.names), work.claim.job_id, error)
    if retried:
        # How often is counted in the database, and not in messages: those may be new ones.
        most = task.request.retries + 1
        raise _retry(task, error, wait_s, most)
    if ours and error.transient and work.late:
        # It might have passed, had there been time.
        job_id, step, ended = work.claim.job_id, work.claim.names[0], expired(error)
        finalise(work.runtime, job_id, JobState.EXPIRED, run=work.run, error=ended, step=step)
    raise StepFailed(error.message) from None
