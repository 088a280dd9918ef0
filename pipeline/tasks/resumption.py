"""Resumption: have somebody look at once what a job needs next, or what all of them do.

Or what a file of a watched folder is now.
"""

from __future__ import annotations

import logging

from kombu.exceptions import OperationalError

from pipeline.app import app

logger = logging.getLogger(__name__)

#: How long a request to look at a file may wait for a worker, seconds. The reconciler asks again.
LOOK_EXPIRES_S = 60


def send_resume(job_id: str) -> None:
    """Ask the control worker to look after the job; without a broker the reconciler does it."""
    try:
        app.send_task("pipeline.resume", args=(job_id,), queue="control", ignore_result=True)
    except OperationalError as problem:
        logger.warning("job %s waits for the reconciler: %s", job_id, problem)


def send_reconcile(*, worker_began: bool, in_s: float = 0.0) -> None:
    """Ask the control worker to look after all jobs, now or a little later.

    Without a broker it does so by the clock.

    `worker_began` as for `pipeline.tasks.control.reconcile`.
    """
    facts = {"worker_began": worker_began}
    try:
        app.send_task(
            "pipeline.reconcile",
            kwargs=facts,
            queue="control",
            countdown=in_s or None,
            ignore_result=True,
        )
    except OperationalError as problem:
        logger.warning("lost messages are left to the reconciler: %s", problem)


def send_look(path: str) -> None:
    """Ask for a look at a file that was written anew: it is taken in once it is whole.

    Without a broker the watcher and the scan find it.
    """
    try:
        app.send_task(
            "pipeline.look",
            args=(path,),
            queue="ingest",
            expires=LOOK_EXPIRES_S,
            ignore_result=True,
        )
    except OperationalError as problem:
        logger.warning("%s is left to the next scan: %s", path, problem)
