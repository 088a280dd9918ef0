"""Resumption: have somebody look at once what a job needs next."""

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
