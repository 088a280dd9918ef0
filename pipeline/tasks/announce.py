"""Announce: a worker that encodes tells the database what it can do, and that it is there."""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from celery.signals import heartbeat_sent, worker_ready

from pipeline.app import runtime
from pipeline.history import workers
from pipeline.history.patience import unless_full
from pipeline.tasks.owner import process

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from pipeline.plan.hardware import Hardware
    from pipeline.settings.profiles import VideoCodec

#: What is so where the database's disk is full: nothing is planned then either.
SILENT = "the worker gives no sign of life"
#: How often it gives a sign of life, seconds: a fraction of `workers.GONE`.
BEAT_S = 10.0


@dataclass
class Announcement:
    """What one worker says of itself, as long as it runs."""

    node: str
    slots: int
    processor: bool
    #: The codecs that its hardware encodes, by kind.
    hardware: Mapping[Hardware, Sequence[VideoCodec]]
    tags: Sequence[str] = ()
    _beaten_at: float = 0.0

    @contextmanager
    def made(self) -> Iterator[None]:
        """Announce the worker from when it is ready until the end of the block, however it ends.

        Celery's signals call in the worker's main process; the one of its end is not sent when
        work is given back.
        """
        worker_ready.connect(self.register)
        heartbeat_sent.connect(self.beat)
        try:
            yield
        finally:
            self.leave()

    @property
    def name(self) -> str:
        """The name with which the owner of each step that it holds begins."""
        return f"{self.node}/{process()}"

    def register(self, **_: object) -> None:
        """Announce the worker: from now on it is planned with."""
        self._beaten_at = time.monotonic()
        with unless_full(SILENT):
            self._register()

    def beat(self, **_: object) -> None:
        """Give a sign of life; announce the worker again where it was forgotten."""
        if not self._beaten_at or time.monotonic() - self._beaten_at < BEAT_S:
            return
        self._beaten_at = time.monotonic()
        with unless_full(SILENT):
            known = runtime().db.write(partial(workers.beat, name=self.name))
            if not known:
                self._register()

    def leave(self, **_: object) -> None:
        """Take the worker off; where that can't be written down, it is forgotten soon enough."""
        with unless_full(SILENT):
            runtime().db.write(partial(workers.leave, name=self.name))

    def _register(self) -> None:
        register = partial(
            workers.register,
            name=self.name,
            slots=self.slots,
            processor=self.processor,
            hardware={kind: list(codecs) for kind, codecs in self.hardware.items()},
            tags=self.tags,
        )
        runtime().db.write(register)
