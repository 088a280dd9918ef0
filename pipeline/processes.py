"""Processes: the pool of workers whose tasks are work, and what becomes of one that is stopped.

Celery 5.7 stops its pool inside the handler of the signal, which may interrupt the very moment in
which it looks whether a message has come. Then it asks the pool, which is gone, for the number of
its processes, and the worker crashes instead of ending.

It also forgets what it has read of a result when the connection to the broker is lost meanwhile:
the event loop is emptied (kombu's `Hub.reset`), the readers of the pool with it. The middle of the
result is then read as the length of the next one, so that its process waits for ever to be read
out: it takes no work any more, and the worker that is told to stop waits for it.
"""

from __future__ import annotations

from inspect import GEN_SUSPENDED, getgeneratorstate
from typing import TYPE_CHECKING, Any, cast

from celery.concurrency.asynpool import AsynPool, ResultHandler
from celery.concurrency.prefork import TaskPool

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from kombu.asynchronous.hub import Hub

    Reading = Generator[None, None, None]


class Results(ResultHandler):
    """Reads the results of processes, and knows those of which it has read a part."""

    #: The processes, by the numbers of the pipes that their results come by.
    fileno_to_outq: dict[int, Any]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        #: The pipe's number: the process it belongs to, and the result that was begun last.
        self._begun: dict[int, tuple[Any, Reading]] = {}

    def _recv_message(
        self, add_reader: Callable[..., None], fd: int, callback: Callable[..., None]
    ) -> Reading:
        """Begin to read one result from a process, whose pipe is `fd`."""
        parent: Any = super()
        reading: Reading = parent._recv_message(add_reader, fd, callback)
        self._begun[fd] = (self.fileno_to_outq.get(fd), reading)
        return reading

    def read_on(self, hub: Hub) -> None:
        """Let an emptied event loop read on where results were read in part."""
        for fd, (process, reading) in self._begun.items():
            # A new process may have the number of one that is gone.
            same = process is not None and self.fileno_to_outq.get(fd) is process
            if same and getgeneratorstate(reading) == GEN_SUSPENDED:
                hub.add_reader(fd, cast("Any", reading))


class EventPool(AsynPool):
    """Celery's pool within its event loop."""

    ResultHandler = Results
    _result_handler: Results

    def register_with_event_loop(self, hub: Hub) -> None:
        """Join the event loop, also once more after a connection was lost."""
        super().register_with_event_loop(hub)
        self._result_handler.read_on(hub)


class Processes(TaskPool):
    """Processes that may be stopped at any moment."""

    Pool = EventPool
    #: The pool below, Celery's and billiard's; None once it is stopped.
    _pool: Any

    @property
    def num_processes(self) -> int:
        """Give how many there are: none once they are stopped, and no message is taken for them."""
        return 0 if self._pool is None else int(super().num_processes)
