"""Hours: whether heavy work may be done now, as the windows of schedules.yml say.

The file is read again when it has changed, so that all parts hold to the same windows, and none has
to be started anew.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from pipeline.history import holding, jobs
from pipeline.history.database import now
from pipeline.plan.windows import closed_until, windows_of

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.orm import Session

    from pipeline.app import Runtime
    from pipeline.models import Job


def waits_until(ready: Runtime, job: Job, at: datetime) -> datetime | None:
    """Tell until when the job's heavy work waits; None when it may be done at the moment `at`."""
    windows = windows_of(ready.schedules.now().values())
    return closed_until(windows, job.profile, job.priority, at)


def at_rest(ready: Runtime, session: Session, at: datetime) -> set[str]:
    """Name the held jobs that go on waiting: there is nothing to be looked at in them."""
    windows = windows_of(ready.schedules.now().values())
    closed = lru_cache(
        lambda profile, priority: closed_until(windows, profile, priority, at) is not None
    )
    return {
        job_id
        for job_id, profile, priority in holding.resting(session, at)
        if closed(profile, priority)
    }


def keep_hours(ready: Runtime, session: Session, job: Job) -> bool:
    """Hold the job outside its hours, or let it go on; True when it is held. Its row is locked."""
    until = waits_until(ready, job, now(session))
    if until is None:
        holding.release(session, job)
        return False
    holding.hold(session, job, until)
    return True


def held(ready: Runtime, job_id: str) -> bool:
    """Hold the job whose heavy work is about to begin outside its hours; True when it is held.

    Messages that were sent while a window was open are read after it has closed, too.
    """
    # Here and not where a transaction is open: that waits for nothing.
    if not windows_of(ready.schedules.settled().values()):
        return False

    def act(session: Session) -> bool:
        job = jobs.get(session, job_id, lock=True)
        return not job.state.terminal and keep_hours(ready, session, job)

    return ready.db.write(act)
