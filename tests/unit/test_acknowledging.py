"""A worker whose acknowledgement is lost takes the next message all the same."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from redis.exceptions import ConnectionError as Broken
from redis.exceptions import OutOfMemoryError, ResponseError

from pipeline.acknowledging import Acknowledging, Channel

CLOSED = ValueError("I/O operation on closed file.")


def held(failures: int, error: Exception | None = None) -> Any:
    """Give what a worker of one slot holds: one message, and a Redis that fails so often."""
    channel = SimpleNamespace(do_restore=False)
    holding: Any = Acknowledging(channel, prefetch_count=1)
    holding._delivered["one"] = "message"
    left = [error or Broken("Connection closed by server.")] * failures

    def remove(*_: Any, **__: Any) -> Any:
        if left:
            raise left.pop()
        return SimpleNamespace(execute=lambda: None)

    holding._remove_from_indices = remove
    assert not holding.can_consume()
    return holding


@pytest.mark.parametrize(("failures", "error"), [(0, None), (1, None), (1, CLOSED)])
def test_what_is_done_is_said_again_on_another_connection(
    failures: int, error: Exception | None
) -> None:
    holding = held(failures, error)
    holding.ack("one")
    assert holding.can_consume()


@pytest.mark.parametrize("error", [None, CLOSED])
def test_a_worker_that_cannot_say_it_takes_the_next_all_the_same(error: Exception | None) -> None:
    holding = held(2, error)
    with pytest.raises(Broken):
        holding.ack("one")
    assert holding.can_consume()


def test_that_redis_is_full_is_said_once_and_what_can_wait_is_tried_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    channel: Any = Channel.__new__(Channel)
    for _ in range(3):
        with channel.unless_refused():
            raise OutOfMemoryError("command not allowed when used memory > 'maxmemory'.")
    assert caplog.text.count("its memory is full") == 1
    with channel.unless_refused():
        pass
    with channel.unless_refused():
        raise ResponseError("MISCONF Redis is configured to save RDB snapshots")
    assert "it can't write to its disk" in caplog.text
    with pytest.raises(ResponseError, match="WRONGTYPE"), channel.unless_refused():
        raise ResponseError("WRONGTYPE Operation against a key")


def test_a_channel_that_was_closed_is_a_connection_that_was_lost() -> None:
    channel: Any = Channel.__new__(Channel)
    channel.connection = None
    with pytest.raises(Broken), channel.conn_or_acquire():
        pass
