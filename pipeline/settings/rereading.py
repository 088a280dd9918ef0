"""The schedules as schedules.yml says now, for parts that run on while people change it."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from pipeline.settings.errors import ConfigurationError
from pipeline.settings.load import FILES, load_settings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pipeline.settings.load import Settings
    from pipeline.settings.schedules import ScheduleEntry

#: A file that was written to so lately is perhaps not whole yet, seconds.
SETTLED_S = 1.0

logger = logging.getLogger(__name__)


class Schedules:
    """The entries of schedules.yml, read again when a file of the configuration has changed.

    A configuration that is wrong changes nothing: the entries stay as they were when it was right.
    """

    def __init__(self, settings: Settings, clock: Callable[[], float]) -> None:
        """Begin with the entries of these settings, which may be older than the files are.

        `clock` tells the time that files are given, seconds since 1970.
        """
        self._clock = clock
        self._folder = settings.config_dir
        self._entries: Mapping[str, ScheduleEntry] = settings.schedules
        self._read: list[tuple[int, int, int]] | None = None

    def now(self) -> Mapping[str, ScheduleEntry]:
        """Give the entries as the file says at the moment, a second after it was written."""
        found = self._files()
        if found != self._read and self._settled(found):
            self._read = found
            self._entries = self._again()
        return self._entries

    def _files(self) -> list[tuple[int, int, int]]:
        """Tell what a change of any file changes: one of another file can make ours right.

        The folder too: it says when a file was taken away, perhaps to be replaced in a moment.
        """
        found = []
        for path in (self._folder, *(self._folder / name for name in FILES)):
            try:
                told = path.stat()
            except OSError:  # what is wrong with it is told when it is read
                found.append((0, 0, 0))
            else:
                found.append((told.st_mtime_ns, told.st_size, told.st_ino))
        return found

    def _again(self) -> Mapping[str, ScheduleEntry]:
        try:
            return load_settings(self._folder).schedules
        except ConfigurationError as error:
            logger.warning("the hours of heavy work stay as they were: %s", error)
            return self._entries

    def _settled(self, files: list[tuple[int, int, int]]) -> bool:
        newest = max(written_ns for written_ns, _, _ in files)
        return abs(self._clock() - newest / 1e9) > SETTLED_S
