"""Acknowledging: a worker on Redis stays able to take work when it could not say it was done.

kombu 5.7 logs an acknowledgement that does not reach Redis and goes on counting the message as
held. A worker takes no more than it has slots, so after one lost answer it would take nothing ever
again, alive and connected.
"""

from __future__ import annotations

from kombu.transport import redis
from kombu.transport.virtual import QoS as Held
from redis.exceptions import RedisError


class Acknowledging(redis.QoS):
    """Keeps the messages a worker holds: one is let go of also when Redis was not told."""

    def ack(self, delivery_tag: str) -> None:
        """Say that a message is done. Raises `RedisError` when that can't be said, also again.

        Redis then hands it out once more in two days, to somebody who finds its step done.
        """
        try:
            super().ack(delivery_tag)
        except (RedisError, OSError):
            self._again(delivery_tag)

    def _again(self, delivery_tag: str) -> None:
        # The first connection was broken; the next is a new one.
        try:
            super().ack(delivery_tag)
        except (RedisError, OSError):
            Held.ack(self, delivery_tag)
            raise


def let_go_for_certain() -> None:
    """Have every channel to Redis of this process keep its messages so."""
    redis.Channel.QoS = Acknowledging
