"""Heartbeat: who works on something for long says meanwhile that it goes on, and keeps it so."""

from __future__ import annotations

import logging
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from pipeline.history.errors import DatabaseFull
from pipeline.tasks.explain import AWAY

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

logger = logging.getLogger(__name__)


@contextmanager
def beating(beat: Callable[[], bool], what: str, every_s: float) -> Iterator[threading.Event]:
    """Call `beat` every so many seconds, in a thread of its own, until the block ends.

    Once it answers that `what` is no longer ours it is called no more, and the event that this
    gives is set. A database that does not take it costs nothing but the news.
    """
    ended, lost = threading.Event(), threading.Event()

    def go_on() -> None:
        while not ended.wait(every_s):
            try:
                if not beat():
                    lost.set()
                    return
            except (DatabaseFull, *AWAY) as problem:
                logger.warning("%s: a heartbeat was lost: %s", what, problem)

    thread = threading.Thread(target=go_on, name=f"beat of {what}", daemon=True)
    thread.start()
    try:
        yield lost
    finally:
        ended.set()
        thread.join()
