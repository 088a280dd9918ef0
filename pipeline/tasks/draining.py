"""Draining: workers that take no more work, end what they have, and may then be stopped."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.app import app, on_broker, runtime
from pipeline.queues import queue_names
from pipeline.refusing import troubles

if TYPE_CHECKING:
    from collections.abc import Collection

#: How long workers are waited for, seconds. One that is busy answers all the same.
ANSWER_S = 3.0


def stop_taking(nodes: Collection[str]) -> None:
    """Let the workers of these names take nothing more; what they have goes on."""
    for queue in queue_names(runtime().settings.pipeline.tags):
        app.control.cancel_consumer(on_broker(queue), destination=list(nodes))


def take_again(node: str, queues: Collection[str]) -> None:
    """Let a worker that was drained take from its queues again."""
    for queue in queues:
        app.control.add_consumer(on_broker(queue), destination=[node])


def working(nodes: Collection[str]) -> dict[str, int]:
    """Count the tasks that each of the workers has in hand; who does not answer is left out."""
    asked = app.control.inspect(destination=list(nodes), timeout=ANSWER_S)
    active, held = asked.active() or {}, asked.reserved() or {}
    return {node: len(tasks) + len(held.get(node, ())) for node, tasks in active.items()}


def drained(nodes: Collection[str]) -> list[str]:
    """Name those of the workers that take nothing more; who does not answer is left out."""
    with app.connection_for_read() as connection:
        asked = app.control.inspect(
            destination=list(nodes), timeout=ANSWER_S, connection=connection
        )
        try:
            serving = asked.active_queues() or {}
        except troubles(connection):
            return []
    return sorted(node for node, queues in serving.items() if not queues)
