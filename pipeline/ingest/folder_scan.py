"""Folder scan: one folder scanned by threads of its own, so that who waits is never held for ever.

A network file system whose server is gone may keep a thread until it is back. It is given up then,
and nothing more is begun in that folder before it has answered.
"""

from __future__ import annotations

import logging
from concurrent.futures import Future, wait
from typing import TYPE_CHECKING, Any

from pipeline.ingest.hands import Hands

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pipeline.settings.pipeline import WatchFolder

logger = logging.getLogger(__name__)

#: What has not ended in each folder that was given up: the look at it, and the scan.
_given_up: dict[Path, tuple[Future[Any], ...]] = {}


class FolderScan:
    """A scan of one folder that has begun, unless a former one still hangs there."""

    def __init__(self, entry: WatchFolder, scan: Callable[[], int]) -> None:
        """`scan` returns how many jobs it made."""
        self.entry = entry
        self.made = 0
        #: Whether the folder does not answer.
        self.silent = any(not one.done() for one in _given_up.get(entry.path, ()))
        if self.silent:
            logger.warning("the watched folder %s still does not answer: no scan of it", entry.path)
            return
        self._hands = Hands(entry, make=False)
        self._scan = self._hands.surveying.submit(scan)

    def wait(self, look_s: float) -> None:
        """Wait until the scan has ended, looking every `look_s` seconds whether the folder answers.

        One that does not is given up. Raises what the scan raises.
        """
        if self.silent:
            return
        try:
            while not wait([self._scan], look_s).done:
                self._hands.looked()
                if self._hands.hung:
                    self.silent = True
                    _given_up[self.entry.path] = (self._hands.look, self._scan)
                    return
            self.made = self._scan.result()
        finally:
            self._hands.let_go()
