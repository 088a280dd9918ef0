"""Threads: the pool of workers whose tasks mostly wait, and what becomes of one that is to stop.

Celery 5.7 cancels what is still done when a worker's grace is over, or its connection was lost; its
own pool of threads answers that with an error over which the worker crashes. And it is stopped in
the handler of a signal: there the executor waits for a lock that the interrupted code may hold.
"""

from __future__ import annotations

from concurrent.futures import Future, wait
from typing import Any

from celery.concurrency.thread import TaskPool


class Threads(TaskPool):
    """Threads that may be told to end a task, and to stop at any moment.

    A task goes on until it is done, or the process has ended. What was not acknowledged by then
    somebody does again: each of ours may be done twice.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._taken: set[Future[Any]] = set()

    def on_apply(self, *arguments: Any, **options: Any) -> Any:
        """Begin a task, and remember it."""
        begun = super().on_apply(*arguments, **options)
        self._taken.add(begun.f)
        begun.f.add_done_callback(self._taken.discard)
        return begun

    def on_stop(self) -> None:
        """Wait for what is done, and begin nothing more of what was taken.

        The threads end with the process.
        """
        taken = list(self._taken)
        for one in taken:
            one.cancel()
        wait(taken)

    def terminate_job(self, pid: int | None, signal: int | None = None) -> None:
        """Leave the task alone: a thread can't be ended."""
