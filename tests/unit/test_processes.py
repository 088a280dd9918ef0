"""The pool of processes: one that is stopped while it looks for a message ends, and does not crash.

And one whose event loop is emptied, as when the broker's connection is lost, loses no result.
"""

from __future__ import annotations

import time
from inspect import isgenerator
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

from celery import Celery
from kombu.asynchronous import Hub, set_event_loop
from kombu.asynchronous.timer import Timer

from pipeline.processes import Processes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def test_a_pool_that_is_stopped_has_no_process_to_take_a_message_for() -> None:
    pool = Processes(2)
    pool._pool = SimpleNamespace(_processes=2, terminate=lambda: None)
    assert pool.num_processes == 2
    pool.on_terminate()
    assert pool.num_processes == 0


def whole(size: int) -> bytes:
    return bytes(size)


def test_a_result_that_is_half_read_as_the_connection_is_lost_is_read_to_its_end() -> None:
    hub = Hub(timer=Timer())
    set_event_loop(hub)
    app = Celery("test", set_as_current=False)
    pool = Processes(1, app=app, initargs=(app, "here"), threads=False)
    pool.start()
    try:
        pool.register_with_event_loop(hub)
        come: list[bytes] = []
        loop = cast("Iterator[None]", hub.create_loop())
        # Much more than a pipe holds.
        pool.apply_async(whole, (1 << 24,), callback=come.append)
        turn(loop, until=lambda: any(map(isgenerator, readers(hub))))
        assert not come

        hub.reset()
        pool.register_with_event_loop(hub)
        loop = cast("Iterator[None]", hub.create_loop())
        turn(loop, until=lambda: bool(come))
        assert come == [bytes(1 << 24)]
        # And the process is there for more.
        pool.apply_async(whole, (3,), callback=come.append)
        turn(loop, until=lambda: len(come) == 2)
        assert come[1] == bytes(3)
    finally:
        pool.terminate()
        hub.close()


def readers(hub: Any) -> list[Any]:
    return [read for read, _ in hub.readers.values()]


def turn(loop: Iterator[None], *, until: Callable[[], bool]) -> None:
    patience = time.monotonic() + 60
    while not until():
        assert time.monotonic() < patience, "the event loop waits for ever"
        next(loop)
