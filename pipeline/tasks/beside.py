"""Beside: do a second part of a step's work in a thread, while the first part goes on."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Event
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from concurrent.futures import Future

    from pipeline.media.process import Progress

T = TypeVar("T")


class NotNeeded(Exception):
    """The first part failed or was told to stop, so the second part is stopped, too."""


@contextmanager
def beside(act: Callable[[Callable[[Progress], None]], T]) -> Iterator[Future[T]]:
    """Do `act` for as long as the block lasts, and give its future; the block waits for it.

    `act` gets what it is to call about every second, as a tool's tick: that raises once the block
    has been left by an exception, which then goes on to the caller. The lease is kept by the block.
    """
    over = Event()

    def tick(_: Progress) -> None:
        if over.is_set():
            raise NotNeeded

    with ThreadPoolExecutor(1, "beside") as pool:
        acting = pool.submit(act, tick)
        try:
            yield acting
        except BaseException:
            over.set()
            raise
