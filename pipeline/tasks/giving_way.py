"""Giving way: where the broker keeps no order, a message lets more urgent ones pass.

Quorum queues hand out what came first. A step that is about to begin therefore looks whether a
more urgent one waits in its queue, and if so goes to the end of it, once for each time that one
came: with it all that stand before the urgent one, which so comes to the front, and the order
among equals stays.
"""

from __future__ import annotations

import logging
from datetime import datetime
from typing import TYPE_CHECKING

from celery.exceptions import Ignore

from pipeline.app import keeps_order, runtime
from pipeline.history import urgency
from pipeline.queues import queue_by_key

if TYPE_CHECKING:
    from celery import Task

    from pipeline.models import StepKind

logger = logging.getLogger(__name__)

#: The header that says when a message gave way last.
GAVE_WAY = "reelworks_gave_way"


def give_way(task: Task[..., str], job_id: str, kind: StepKind) -> None:
    """Send the message to the end of its queue when something more urgent waits there.

    Raises `celery.exceptions.Ignore` then: the message that was sent is the task now, with its
    chain, group and errbacks.
    """
    if task.request.called_directly or task.request.is_eager or keeps_order():
        return
    key = (task.request.delivery_info or {}).get("routing_key") or ""
    queue = queue_by_key(key, runtime().settings.pipeline.tags)
    if queue is None:
        return
    headers = dict(task.request.headers or {})
    said = headers.get(GAVE_WAY)
    since = None if said is None else datetime.fromisoformat(said)
    with runtime().db.read() as session:
        at = urgency.more_urgent_since(session, job_id, kind, since)
    if at is None:
        return
    headers[GAVE_WAY] = at.isoformat()
    again = task.signature_from_request(
        task.request, queue=queue, headers=headers, retries=task.request.retries
    )
    again.apply_async()
    logger.info("%s of job %s gives way to something more urgent", kind.value, job_id)
    raise Ignore
