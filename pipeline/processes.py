"""Processes: the pool of workers whose tasks are work, and what becomes of one that is stopped.

Celery 5.7 stops its pool inside the handler of the signal, which may interrupt the very moment in
which it looks whether a message has come. Then it asks the pool, which is gone, for the number of
its processes, and the worker crashes instead of ending.
"""

from __future__ import annotations

from typing import Any

from celery.concurrency.prefork import TaskPool


class Processes(TaskPool):
    """Processes that may be stopped at any moment."""

    #: The pool below, Celery's and billiard's; None once it is stopped.
    _pool: Any

    @property
    def num_processes(self) -> int:
        """Give how many there are: none once they are stopped, and no message is taken for them."""
        return 0 if self._pool is None else int(super().num_processes)
