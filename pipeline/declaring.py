"""Declaring: a worker makes every queue there is to be, before Celery binds them for retries.

Celery 5.7 binds all queues it was told of to the exchange by which RabbitMQ delays retries, and
declares only those that the worker serves. On a new broker, or one that was emptied, it then gives
up over the first that is not there ("Native delayed delivery will not be available").
"""

from __future__ import annotations

from typing import Any

from celery import bootsteps
from celery.utils.quorum_queues import detect_quorum_queues
from celery.worker.consumer import Connection
from celery.worker.consumer.delayed_delivery import DelayedDelivery


class DeclareQueues(bootsteps.StartStopStep):
    """Declares all queues each time a worker connects, where they are quorum queues."""

    requires = (Connection,)

    def include_if(self, parent: Any) -> bool:
        """Whether there is anything to do: Redis needs no queue declared."""
        transport = parent.app.connection_for_write().transport
        quorum, _ = detect_quorum_queues(parent.app, transport.driver_type)
        return bool(quorum)

    def start(self, parent: Any) -> None:
        """Declare them on a connection of our own: the worker's is not yet in use."""
        with parent.app.connection_for_write() as connection:
            for queue in parent.app.amqp.queues.values():
                queue(connection.default_channel).declare()


def declare_before_binding() -> None:
    """Have every worker of this process declare the queues first."""
    required = tuple(DelayedDelivery.requires or ())
    if DeclareQueues not in required:
        DelayedDelivery.requires = (*required, DeclareQueues)
