"""Resumption: have somebody look at once what a job needs next, or what all of them do."""

from __future__ import annotations

import logging

from kombu.exceptions import OperationalError

from pipeline.app import app

logger = logging.getLogger(__name__)


def send_resume(job_id: str) -> None:
    """Ask the control worker to look after the job; without a broker the reconciler does it."""
    try:
        app.send_task("pipeline.resume", args=(job_id,), queue="control", ignore_result=True)
    except OperationalError as problem:
        logger.warning("job %s waits for the reconciler: %s", job_id, problem)


def send_reconcile(*, worker_began: bool) -> None:
    """Ask the control worker to look after all jobs now; without a broker it does so by the clock.

    `worker_began` as for `pipeline.tasks.control.reconcile`.
    """
    facts = {"worker_began": worker_began}
    try:
        app.send_task("pipeline.reconcile", kwargs=facts, queue="control", ignore_result=True)
    except OperationalError as problem:
        logger.warning("lost messages are left to the reconciler: %s", problem)
