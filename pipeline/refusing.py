"""Refusing: a Redis that answers and yet takes nothing, as its memory or its disk is full."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kombu.exceptions import KombuError

from pipeline.errors import TransientError

if TYPE_CHECKING:
    from kombu import Connection

#: How long an answer is waited for, seconds.
ANSWER_S = 4
_ONWARD = "Nothing is lost, and all goes on by itself: "
#: What a Redis says, why it is so, and what helps.
_KINDS = (
    (
        "maxmemory",
        "its memory is full (maxmemory)",
        "give the server more (`maxmemory`), or take from it what is not ours.",
    ),
    (
        "MISCONF",
        "it can't write to its disk (MISCONF)",
        "free some of the server's disk; its log says what it could not write.",
    ),
    (
        "good replicas to write",
        "too few of its replicas are there (NOREPLICAS)",
        "bring them back, or lower the server's `min-replicas-to-write`.",
    ),
    (
        "read only replica",
        "it is a replica that only reads (READONLY)",
        "make it the primary again, or name the primary in `broker`.",
    ),
    (
        "Link with MASTER is down",
        "it is a replica whose primary is gone (MASTERDOWN)",
        "bring the primary back, make this one the primary, or name another in `broker`.",
    ),
)
#: What is written to see whether something can be; it is gone after a second.
_PROBE = "reelworks.probe"


class BrokerRefuses(TransientError):
    """A broker answers and takes no messages."""

    def __init__(self, why: str, help_: str) -> None:
        super().__init__("unreachable", f"The broker takes nothing: {why}.", f"{_ONWARD}{help_}")


def refusal(problem: BaseException) -> BrokerRefuses | None:
    """Read from an error that a Redis takes nothing; None where it says something else."""
    said = str(problem)
    for word, why, help_ in _KINDS:
        if word in said:
            return BrokerRefuses(why, help_)
    return None


def troubles(connection: Connection) -> tuple[type[BaseException], ...]:
    """Name the errors with which a broker refuses, or does not answer."""
    return (*connection.connection_errors, *connection.channel_errors, KombuError, OSError)


def look(connection: Connection) -> BrokerRefuses | None:
    """Write to the Redis behind a connection, made now where it is not yet.

    None where it takes that, or does not answer at all, and of other brokers.
    """
    if connection.transport.driver_type != "redis":
        return None
    try:
        connection.ensure_connection(max_retries=1, interval_start=0, timeout=ANSWER_S)
        channel: Any = connection.default_channel
        with channel.conn_or_acquire() as client:
            # As messages are: Redis has a look at its memory before any transaction.
            client.pipeline().set(_PROBE, "", ex=1).execute()
    except troubles(connection) as problem:
        return refusal(problem)
    return None
