"""Hands: the threads that work on one watched folder, so that one that hangs holds up no other.

A network file system whose server is gone answers no question, for minutes or for ever, and takes
each thread with it that asks one.
"""

from __future__ import annotations

import logging
import time
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.ingest.mounts import is_polled, network_kind

if TYPE_CHECKING:
    from pathlib import Path

    from pipeline.settings.pipeline import WatchFolder

logger = logging.getLogger(__name__)

#: How many files of a folder are read at the same time.
SUBMITTERS = 2
#: A folder that has not answered for this long is told of, seconds.
HUNG_S = 20.0


@dataclass(frozen=True)
class Looked:
    """What a folder was when it was looked at: its place is that of nothing when it was not there.

    `kind` names its network file system; `polled` says that it is to be looked through.
    """

    place: tuple[int, int]
    kind: str | None = None
    polled: bool = False


class Hands:
    """The threads of one watched folder; `make` says that it is to be made where there is none."""

    def __init__(self, entry: WatchFolder, *, make: bool = True) -> None:
        self.entry = entry
        # Reading a large file to fingerprint it must not keep small ones waiting; nor must a
        # survey of a large folder.
        self.submitting = ThreadPoolExecutor(SUBMITTERS, thread_name_prefix="submit")
        self.surveying = ThreadPoolExecutor(1, thread_name_prefix="survey")
        self._looking = ThreadPoolExecutor(1, thread_name_prefix="look")
        self._begun = time.monotonic()
        self._told = False
        #: The look that is under way.
        self.look: Future[Looked] = self._looking.submit(_first_look, entry, make=make)

    def looked(self) -> Looked | None:
        """Give what was found, and look again; None while the folder does not answer.

        Raises `OSError` when the folder could not be made.
        """
        if not self.look.done():
            if self.hung and not self._told:
                self._told = True
                logger.warning(
                    "the watched folder %s does not answer: it is waited for, the others go on. "
                    "Look whether its server is there.",
                    self.entry.path,
                )
            return None
        found = self.look.result()
        if self._told:
            logger.info("the watched folder %s answers again", self.entry.path)
        self._told, self._begun = False, time.monotonic()
        self.look = self._looking.submit(look, self.entry.path)
        return found

    @property
    def hung(self) -> bool:
        """Whether the folder has not answered for so long that it may never do."""
        return not self.look.done() and time.monotonic() - self._begun > HUNG_S

    def let_go(self) -> None:
        """Begin nothing more."""
        for threads in (self._looking, self.surveying, self.submitting):
            threads.shutdown(wait=False, cancel_futures=True)

    def finish(self) -> None:
        """Wait for what was begun, unless the folder does not answer."""
        if self.look.done() or self.look.cancelled():
            self.submitting.shutdown()
            self.surveying.shutdown()


def _first_look(entry: WatchFolder, *, make: bool) -> Looked:
    if not make:
        return look(entry.path)
    entry.path.mkdir(parents=True, exist_ok=True)
    found = look(entry.path)
    return Looked(found.place, network_kind(entry.path), is_polled(entry))


def look(path: Path) -> Looked:
    """Look which folder is at this path."""
    try:
        found = path.stat()
    except OSError:
        return Looked((0, 0))
    return Looked((found.st_dev, found.st_ino))
