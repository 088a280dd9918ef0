"""Fullness: whether the state folder has room, for the console of `reelworks up`."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from pipeline.history.disk import Disk
from pipeline.settings import addresses
from pipeline.stack.supervisor import Notice, What

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipeline.history.errors import DatabaseFull
    from pipeline.settings.load import Settings
    from pipeline.stack.stopping import Stopping

#: How often it is looked, seconds.
LOOK_S = 1.0
#: What the notices are about.
PART = "state"


class Fullness:
    """Tells when an embedded database gets no room, and when it has some again."""

    def __init__(self, settings: Settings, tell: Callable[[Notice], None]) -> None:
        self._disk = Disk.of(addresses.database_url(settings))
        self._tell = tell
        self._full = False
        self._looked_at = float("-inf")

    def look(self) -> DatabaseFull | None:
        """Look, and tell what has changed; gives what is wrong, None where nothing is."""
        full = None if self._disk is None else self._disk.lacks()
        if full is not None and not self._full:
            self._tell(Notice(What.FULL, PART, lines=(full.message, full.hint)))
        elif full is None and self._full:
            self._tell(Notice(What.ROOM, PART, lines=("There is room again: everything goes on.",)))
        self._full = full is not None
        return full

    def tick(self) -> None:
        """Look now and then: call it in a loop."""
        if time.monotonic() - self._looked_at >= LOOK_S:
            self._looked_at = time.monotonic()
            self.look()

    def until_room(self, stopping: Stopping) -> None:
        """Wait until there is room. Raises `DatabaseFull` when `stopping` was asked meanwhile."""
        while (full := self.look()) is not None:
            if stopping.asked:
                raise full
            time.sleep(LOOK_S)
