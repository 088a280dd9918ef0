"""Ctrl-C: once to stop in good order, twice to hurry."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from types import FrameType, TracebackType

#: Ctrl-C, a polite `kill`, and the terminal that was closed.
ASKING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Stopping:
    """While entered, counts how often we were asked to stop instead of ending at once."""

    def __init__(self) -> None:
        self._times = 0
        self._former = {number: signal.getsignal(number) for number in ASKING}

    def __enter__(self) -> Self:
        for number in ASKING:
            signal.signal(number, self._count)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for number, handler in self._former.items():
            signal.signal(number, handler)

    @property
    def asked(self) -> bool:
        """Whether we are to stop."""
        return self._times > 0

    def hurried(self) -> bool:
        """Whether we were asked again while stopping."""
        return self._times > 1

    def _count(self, _number: int, _frame: FrameType | None) -> None:
        self._times += 1
