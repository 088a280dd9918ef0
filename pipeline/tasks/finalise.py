"""End a job, once: its state, the alert it owes, its source, its working folder."""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING

from kombu.exceptions import OperationalError

from pipeline.alerts.rules import channels_for
from pipeline.app import app
from pipeline.history import jobs
from pipeline.ingest.source import TakesTime
from pipeline.tasks.settle import settle

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from pipeline.app import Runtime
    from pipeline.errors import ReelworksError
    from pipeline.models import JobState

logger = logging.getLogger(__name__)

#: How long a request to settle a source may wait for a worker, seconds. The reconciler asks again.
SETTLE_EXPIRES_S = 60


def finalise(
    ready: Runtime,
    job_id: str,
    state: JobState,
    *,
    run: int | None = None,
    error: ReelworksError | None = None,
    step: str | None = None,
) -> bool:
    """End the job in a terminal `state`; True for the one caller that did it.

    `run` is the run that was looked at, and no other is ended; None ends whatever run there is.

    Every way a job can end comes through here: its last step, the errback, expiry, `cancel` and
    the reconciler. What follows the end (moving the source, sending the alert) is written down
    as owed in the same transaction, so it is done later if this process dies now.
    """
    end = partial(end_in, ready=ready, state=state, run=run, error=error, step=step)
    if not ready.db.write(partial(end, job_id=job_id)):
        return False
    follow(ready, job_id, state)
    return True


def end_in(
    session: Session,
    job_id: str,
    *,
    ready: Runtime,
    state: JobState,
    run: int | None = None,
    error: ReelworksError | None = None,
    step: str | None = None,
) -> bool:
    """End the job as `finalise` does, as part of a transaction that the caller began."""
    channels = channels_for(ready.settings.notifications, state.value)
    return jobs.end(session, job_id, state, run=run, error=error, step=step, channels=channels)


def follow(ready: Runtime, job_id: str, state: JobState) -> None:
    """Do what is owed after the end of a job, as far as it can be done now."""
    logger.info("job %s %s", job_id, state.value)
    settle_job(ready, job_id)
    if channels_for(ready.settings.notifications, state.value):
        _wake_notifier()


def settle_job(ready: Runtime, job_id: str) -> None:
    """Tidy up after an ended job: clean its working folder and put its source where it belongs.

    A source that can't be moved now (a full or unmounted disk) stays owed; the reconciler tries
    again. One that must be copied or read is left to the task `pipeline.settle`.
    """
    try:
        settle(ready, job_id, unhurried=False)
    except TakesTime:
        try:
            app.send_task(
                "pipeline.settle", args=(job_id,), expires=SETTLE_EXPIRES_S, ignore_result=True
            )
        except OperationalError as problem:
            logger.warning("the source of job %s is settled later: %s", job_id, problem)


def _wake_notifier() -> None:
    try:
        app.send_task("pipeline.notify", ignore_result=True)
    except OperationalError as problem:
        # The alert is owed in the outbox; the beat job sends it when the broker is back.
        logger.warning("the notifier could not be woken: %s", problem)
