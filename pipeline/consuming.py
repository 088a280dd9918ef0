"""Consuming: a worker whose broker is away, or answers and takes nothing, waits and says so.

What it meets then anywhere (it may not even say that a message is done) would end a worker of
Celery 5.7, and one that starts could not say that it is there. With `broker_channel_error_retry` it
connects anew instead, and so comes here. What its processes work on goes on.
"""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

from celery.signals import heartbeat_sent
from celery.worker import consumer
from celery.worker.state import maybe_shutdown

from pipeline.refusing import look
from pipeline.waiting import until_it_answers

if TYPE_CHECKING:
    from kombu import Connection

logger = logging.getLogger(__name__)

#: How often it is looked whether the broker takes messages again, seconds.
LOOK_S = 1.0


class Consumer(consumer.Consumer):
    """Takes messages from a broker that takes what is said of them."""

    def connect(self) -> Connection:
        """Wait until the broker takes something, and connect; a worker that is to stop does."""
        with self.app.connection_for_read() as connection:
            self._until_it_takes(connection)
        return super().connect()

    def ensure_connected(self, conn: Connection) -> Connection:
        """Connect, however long the broker is away; a worker that is to stop does."""
        conn = until_it_answers(conn, maybe_shutdown)
        self.first_connection_attempt = False
        return conn

    def _until_it_takes(self, connection: Connection) -> None:
        refused = look(connection)
        if refused is None:
            return
        logger.warning("the worker waits: %s %s", refused.message, refused.hint)
        while look(connection) is not None:
            maybe_shutdown()
            # It is there all the same: what it works on goes on.
            heartbeat_sent.send(sender=self)
            time.sleep(LOOK_S)
        logger.info("the broker takes messages again: the worker goes on")
