"""The schedules as schedules.yml says now, for parts that run on while people change it."""

from __future__ import annotations

import logging
import os
import threading
from typing import TYPE_CHECKING

from pipeline.settings.document import read_document
from pipeline.settings.errors import ConfigurationError
from pipeline.settings.load import FILES, SCHEDULES, load_settings
from pipeline.settings.unreadable import is_there

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from pipeline.settings.load import Settings
    from pipeline.settings.schedules import ScheduleEntry

#: Files that were the same for so long are whole, seconds.
SETTLED_S = 1.0

#: What a change of any file changes: size, times of writing and of any change, inode.
Stamps = list[tuple[int, int, int, int]]

logger = logging.getLogger(__name__)


class Schedules:
    """The entries of schedules.yml, read again when a file of the configuration has changed.

    A change counts when two looks that are a second apart find the same: what the files say of
    their own age is as their server's clock is, or as old as what they were copied from. What is
    wrong, or empty where there were entries, changes nothing: the entries stay as they were.
    """

    def __init__(
        self, settings: Settings, clock: Callable[[], float], sleep: Callable[[float], object]
    ) -> None:
        """Begin with the entries of these settings, which may be older than the files are.

        `clock` tells seconds and is never set; `sleep` waits for so many seconds.
        """
        self._clock, self._sleep = clock, sleep
        self._folder, self._root = settings.config_dir, settings.root
        self._lock = threading.Lock()
        self._entries: Mapping[str, ScheduleEntry] = settings.schedules
        self._read: Stamps | None = None
        self._seen: Stamps | None = None
        self._since = 0.0

    def now(self) -> Mapping[str, ScheduleEntry]:
        """Give the entries as the files say since at least a second, without waiting."""
        return self._look()[0]

    def settled(self) -> Mapping[str, ScheduleEntry]:
        """Give the entries as `now`, but wait a second where the files have just changed.

        For who looks so seldom that the look before was long ago.
        """
        entries, is_read = self._look()
        if is_read:
            return entries
        self._sleep(SETTLED_S)
        return self.now()

    def _look(self) -> tuple[Mapping[str, ScheduleEntry], bool]:
        """Give the entries, and whether the files say nothing newer."""
        with self._lock:
            found = self._stamps()
            if found != self._read:
                self._take(found)
            return self._entries, found == self._read

    def _stamps(self) -> Stamps:
        """Look at all files: one of another file can make ours right."""
        return [_stamp(self._folder / name) for name in FILES]

    def _take(self, found: Stamps) -> None:
        at = self._clock()
        if found != self._seen:
            self._seen, self._since = found, at
        settled = at - self._since >= SETTLED_S
        trouble, entries = "", self._entries
        try:
            entries = self._written()
        except ConfigurationError as error:
            trouble = str(error)
        except Exception as error:  # noqa: BLE001 - whatever it is, the work goes on as before
            trouble = f"{type(error).__name__}: {error}"
        if self._stamps() != found:
            return  # Somebody wrote while we read.
        if settled or (entries == self._entries and not trouble):
            self._entries, self._read = entries, found
            if trouble:
                logger.warning("the hours of heavy work stay as they were: %s", trouble)

    def _written(self) -> Mapping[str, ScheduleEntry]:
        entries = load_settings(self._folder).schedules
        if self._entries and not entries and self._is_empty():
            raise ConfigurationError(
                "it is empty, as if it were not yet written; {} in it says that nothing is "
                "scheduled",
                file=self._folder / SCHEDULES,
            )
        return entries

    def _is_empty(self) -> bool:
        file = self._folder / SCHEDULES
        return is_there(file) and read_document(file, os.environ, self._root).data is None


def _stamp(file: Path) -> tuple[int, int, int, int]:
    try:
        told = file.stat()
    except OSError:  # what is wrong with it is told when it is read
        return (0, 0, 0, 0)
    return (told.st_size, told.st_mtime_ns, told.st_ctime_ns, told.st_ino)
