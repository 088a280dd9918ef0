"""Encoders: as many as a worker may run at once, and one more process that makes the next ready.

A step that encodes begins and ends without an encoder: it is claimed, its source is looked at;
then its files are read back, flushed and published. So that the encoder does not rest meanwhile, a
worker has one process more than encoders. An encoder is waited for by a lock of the kernel, which
a process that is killed gives back. The worker takes another message only when an encoder has
ended, or is about to: what one worker takes no other can, and a film may take hours.

RabbitMQ hands out as many messages as were asked for at the start, so there a worker has as many
processes as encoders.
"""

from __future__ import annotations

import fcntl
import mmap
import os
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from billiard.process import current_process

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

#: How many processes a worker has beyond its encoders.
BEYOND = 1
#: How often it is looked whether an encoder is free, seconds: a hundredth of the shortest encode.
LOOK_S = 0.005


class Encoders:
    """The encoders of one worker. Made in its main process, used by those that it forks."""

    def __init__(self, count: int) -> None:
        self.count = count
        #: A byte of it is locked for each encoder that runs.
        self._turns = os.memfd_create("encoders")
        #: A byte a process: 1 while its step lets the worker take another one. There is room for
        #: more of them: a pool may be told to grow (Celery, "pool_grow").
        self._leaving = mmap.mmap(-1, mmap.PAGESIZE)
        #: Rung by a process when that changed.
        self.bell, self._rope = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)

    @property
    def processes(self) -> int:
        """How many processes the worker has."""
        return self.count + BEYOND

    @property
    def most_taken(self) -> int:
        """How many messages the worker may hold now."""
        return min(self.count + sum(self._leaving[:]), self.processes)

    @contextmanager
    def step(self) -> Iterator[None]:
        """Do a step in this process: until its encoder has ended no other is taken for it."""
        self._say(leaving=False)
        try:
            yield
        finally:
            self._say(leaving=False)

    @contextmanager
    def turn(self, waiting: Callable[[], None], *, short: bool) -> Iterator[None]:
        """Wait until an encoder is free, and have it for the block; `waiting` is called meanwhile.

        While a `short` one runs the next step is taken already. What `waiting` raises goes on.
        """
        number = self._taken()
        while number is None:
            waiting()
            time.sleep(LOOK_S)
            number = self._taken()
        try:
            self._say(leaving=short)
            yield
        finally:
            fcntl.lockf(self._turns, fcntl.LOCK_UN, 1, number)
            self._say(leaving=True)

    def answer(self) -> None:
        """Silence the bell."""
        try:
            os.read(self.bell, 4096)
        except BlockingIOError:
            return  # silent already

    def _taken(self) -> int | None:
        for number in range(self.count):
            try:
                fcntl.lockf(self._turns, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, number)
            except (BlockingIOError, PermissionError):
                continue  # another process has it (fcntl(2): either error)
            return number
        return None

    def _say(self, *, leaving: bool) -> None:
        place = getattr(current_process(), "index", 0)
        self._leaving[place] = leaving
        if leaving:
            try:
                os.write(self._rope, b"!")
            except BlockingIOError:
                return  # it rings already


_shared: list[Encoders] = []


def share(count: int) -> Encoders:
    """Have the worker that this process becomes share `count` encoders among its processes."""
    _shared[:] = [Encoders(count)]
    return _shared[0]


def shared() -> Encoders | None:
    """Give the encoders that this worker's processes share; None where each has its own."""
    return _shared[0] if _shared else None
