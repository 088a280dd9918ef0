"""The queues: their names, their order, and what each kind of broker needs to keep them safe."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from kombu import Exchange, Queue

if TYPE_CHECKING:
    from collections.abc import Iterable

#: A queue is named as its routing key: the kind of work, the capability it needs, and the tag that
#: its worker must have where it needs one (`encode.cpu.big-disk`).
#: One for each kind of hardware: a card of one maker can't do what was planned for another's.
ENCODE = ("encode.cpu", "encode.nvenc", "encode.qsv", "encode.vaapi")
QUEUES = (
    *ENCODE,
    # Checks of what was published have a queue of their own: messages there say nothing of jobs.
    # Jobs begin in a queue of their own: begun ones are ended first, by who serves both.
    *("package", "probe", "control", "ingest", "notify", "check"),
)
#: Priorities go from 0 to this; the highest is the most urgent.
MAX_PRIORITY = 9
#: On RabbitMQ, which a site may share with others, ours are told by this.
PREFIX = "reelworks."
QUORUM = {"x-queue-type": "quorum"}
#: How long RabbitMQ delays a retry, in binary, stands before its routing key (Celery 5.7).
_DELAY = re.compile(r"^(?:[01]\.)+")


def exchange(*, redis: bool) -> Exchange:
    """Give the exchange of all queues.

    A direct one on Redis: Celery then sends straight into the queue. Any other kind is looked up
    in a table that Redis keeps too, and when that was emptied (FLUSHALL), everything sent by those
    who are connected is dropped without a word. RabbitMQ needs a topic exchange: only then are
    retries of tasks in quorum queues delayed by the broker (Celery, "Using RabbitMQ").
    """
    return Exchange("reelworks", type="direct" if redis else "topic")


def encode_queue(capability: str, tag: str | None = None) -> str:
    """Name the queue of encodes whose worker must have this capability, and this tag."""
    return f"encode.{capability}" + (f".{tag}" if tag else "")


def queue_names(tags: Iterable[str] = ()) -> tuple[str, ...]:
    """Name all queues of a site whose workers may have these tags."""
    return (*QUEUES, *(f"{queue}.{tag}" for tag in tags for queue in ENCODE))


def queue_by_key(routing_key: str, tags: Iterable[str] = ()) -> str | None:
    """Name the queue a message came through; a retried one's key has its delay in front of it."""
    name = _DELAY.sub("", routing_key)
    return name if name in queue_names(tags) else None


def task_queues(*, redis: bool, tags: Iterable[str] = ()) -> list[Queue]:
    """List the queues as Celery is told them; each goes by its name of `queue_names` everywhere.

    On RabbitMQ they are quorum queues: replicated, and on disk before a message counts as sent.
    Those keep no order of priority (before RabbitMQ 4 none, then two steps): messages give way by
    themselves, see `pipeline.tasks.giving_way`.
    """
    if redis:
        return [
            Queue(name, exchange(redis=True), routing_key=name, max_priority=MAX_PRIORITY)
            for name in queue_names(tags)
        ]
    return [
        # Another name than that of the classic queues of before: a queue never changes its type.
        Queue(
            f"{PREFIX}{name}",
            exchange(redis=False),
            routing_key=name,
            alias=name,
            queue_arguments=QUORUM,
        )
        for name in queue_names(tags)
    ]
