"""End a job, once: its state, the alert it owes, its source, its working folder."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from kombu.exceptions import OperationalError

from pipeline.alerts.rules import channels_for
from pipeline.app import app
from pipeline.history import events, jobs
from pipeline.ingest.source import settle
from pipeline.models import JobState
from pipeline.tasks.workspace import Workspace

if TYPE_CHECKING:
    from pipeline.app import Runtime
    from pipeline.errors import ReelworksError

logger = logging.getLogger(__name__)


def finalise(
    ready: Runtime,
    job_id: str,
    state: JobState,
    *,
    error: ReelworksError | None = None,
    step: str | None = None,
) -> bool:
    """End the job in a terminal `state`; True for the one caller that did it.

    Every way a job can end comes through here: its last step, the errback, expiry, `cancel` and
    the reconciler. What follows the end (moving the source, sending the alert) is written down
    as owed in the same transaction, so it is done later if this process dies now.
    """
    channels = channels_for(ready.settings.notifications, state.value)
    with ready.db.begin() as session:
        ended = jobs.end(session, job_id, state, error=error, step=step, channels=channels)
    if not ended:
        return False
    logger.info("job %s %s", job_id, state.value)
    settle_job(ready, job_id)
    if channels:
        _wake_notifier()
    return True


def settle_job(ready: Runtime, job_id: str) -> None:
    """Tidy up after an ended job: clean its working folder and put its source where it belongs.

    A source that can't be moved now (a full or unmounted disk) stays owed; the reconciler tries
    again.
    """
    with ready.db.read() as session:
        job = jobs.get(session, job_id)
        state = job.state
    paths = ready.settings.pipeline.paths
    workspace = Workspace(paths.work, paths.library, job_id)
    if state is JobState.FAILED:
        # What is done stays for a `retry`, until `clean` finds it too old.
        workspace.discard_unfinished()
    else:
        workspace.remove()
    try:
        path = settle(job)
    except OSError as problem:
        logger.warning("the source of job %s stays where it is: %s", job_id, problem)
        with ready.db.begin() as session:
            message = f"the source could not be moved yet: {problem}"
            events.add(session, job_id, "source_stuck", message)
        return
    with ready.db.begin() as session:
        jobs.moved(session, job_id, path)


def _wake_notifier() -> None:
    try:
        app.send_task("pipeline.notify", ignore_result=True)
    except OperationalError as problem:
        # The alert is owed in the outbox; the beat job sends it when the broker is back.
        logger.warning("the notifier could not be woken: %s", problem)
