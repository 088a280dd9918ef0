"""Acknowledging: a worker on Redis stays able to take work when it could not say it was done.

kombu 5.7 logs an acknowledgement that does not reach Redis and goes on counting the message as
held. A worker takes no more than it has slots, so after one lost answer it would take nothing ever
again, alive and connected.
"""

from __future__ import annotations

import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from kombu.transport import redis
from kombu.transport.virtual import QoS as Held
from redis.exceptions import ConnectionError as ConnectionLost
from redis.exceptions import RedisError, ResponseError

from pipeline.refusing import refusal

if TYPE_CHECKING:
    from collections.abc import Iterator

logger = logging.getLogger(__name__)


class Acknowledging(redis.QoS):
    """Keeps the messages a worker holds: one is let go of also when Redis was not told."""

    def ack(self, delivery_tag: str) -> None:
        """Say that a message is done. Raises `RedisError` when that can't be said, also again.

        Redis then hands it out once more in two days, to somebody who finds its step done.
        """
        try:
            self._say(delivery_tag)
        except (RedisError, OSError):
            self._again(delivery_tag)

    def restore_visible(self, *arguments: Any, **options: Any) -> None:
        """Put back what somebody took and never acknowledged; later where Redis is full."""
        channel: Any = self.channel
        with channel.unless_refused():
            super().restore_visible(*arguments, **options)

    def _again(self, delivery_tag: str) -> None:
        # The first connection was broken; the next is a new one.
        try:
            self._say(delivery_tag)
        except (RedisError, OSError):
            Held.ack(self, delivery_tag)
            raise

    def _say(self, delivery_tag: str) -> None:
        try:
            super().ack(delivery_tag)
        except ValueError as closed:
            # redis-py reads on in a connection that another thread closes as the worker stops.
            raise ConnectionLost(str(closed)) from closed


class Channel(redis.Channel):
    """A channel to a Redis that may be full: what it looks after by the clock it tries again."""

    QoS = Acknowledging
    _told = False

    def _connparams(self, *arguments: Any, **options: Any) -> Any:
        """Tell how Redis is reached; a channel that was closed is a connection that was lost.

        kombu asks such a one while it connects again, and met an `AttributeError`, which nobody
        takes for a broker that is away.
        """
        if self.connection is None:
            raise ConnectionLost("the channel to Redis is closed")
        return super()._connparams(*arguments, **options)  # type: ignore[misc]

    def maybe_refresh_binding_expiry(self) -> None:
        """Keep the worker's own queues bound; kombu would tell of it each second at length."""
        with self.unless_refused():
            super().maybe_refresh_binding_expiry()  # type: ignore[misc]

    @contextmanager
    def unless_refused(self) -> Iterator[None]:
        """Do what can be done later, too: that Redis takes nothing is said once."""
        try:
            yield
        except ResponseError as problem:
            why = refusal(problem)
            if why is None:
                raise
            if not self._told:
                logger.warning("%s %s", why.message, why.hint)
            self._told = True
        else:
            self._told = False


def let_go_for_certain() -> None:
    """Have every channel to Redis of this process keep its messages so."""
    redis.Transport.Channel = Channel
