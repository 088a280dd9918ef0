"""Stopping: an order to stop is heard at any moment, and obeyed where beat is whole.

Celery's own handler closes the scheduler inside whatever the signal interrupted. Where that is a
question to the database, the connection's lock is held by the very code that waits below, and beat
waits for itself for ever; where it is the making of the scheduler, it makes another one.
"""

from __future__ import annotations

import signal
import sys
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from pipeline.last_resort import end_within

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

ASKING = (signal.SIGTERM, signal.SIGINT)
#: How long what is being done may go on once beat was told to stop, seconds: a message that is
#: sent, a row that is written. A broker that is away is not waited for.
PATIENCE_S = 3.0
#: What then still hangs ends with the process, so many seconds after the order.
LAST_RESORT_S = 20.0


class Stopping:
    """An order to stop, by SIGTERM or SIGINT: ends beat by `SystemExit`, between two acts."""

    def __init__(self) -> None:
        self.ordered = False
        self._acting = False

    def listen(self) -> None:
        """Hear the signals from now on; only in the main thread that can be done."""
        if threading.current_thread() is not threading.main_thread():
            return
        for number in ASKING:
            signal.signal(number, self._hear)
        signal.signal(signal.SIGALRM, self._insist)
        end_within(LAST_RESORT_S)

    @contextmanager
    def acting(self) -> Iterator[None]:
        """Do something that is not to be interrupted, unless it takes too long."""
        self._obey()
        former, self._acting = self._acting, True
        try:
            yield
        finally:
            self._acting = former
        if not former:
            self._obey()

    def _obey(self) -> None:
        # Also an order whose `SystemExit` was swallowed by what it came into, as by what tidies up
        # objects.
        if self.ordered and not self._acting:
            signal.setitimer(signal.ITIMER_REAL, 0)
            raise SystemExit(0)

    def _hear(self, _number: int, _frame: FrameType | None) -> None:
        self.ordered = True
        if not self._acting:
            sys.exit(0)
        signal.setitimer(signal.ITIMER_REAL, PATIENCE_S)

    def _insist(self, _number: int, _frame: FrameType | None) -> None:
        if self._acting:
            sys.exit(0)


@contextmanager
def stoppable() -> Iterator[None]:
    """Leave at once when told to stop.

    Celery's own handler would ask for the scheduler that is just being made, and make another.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    former = [signal.signal(number, lambda *_: sys.exit(0)) for number in ASKING]
    try:
        yield
    finally:
        for number, handler in zip(ASKING, former, strict=True):
            signal.signal(number, handler)
