"""Disk: whether there is room for what SQLite writes, asked before it writes.

What SQLite meets on a full disk it tells only as it commits, when files may have been renamed and
others told already. So nothing new begins while there is little room: the last of it is for the
ends of what runs.
"""

from __future__ import annotations

import shutil
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import make_url

from pipeline.history.errors import DatabaseFull

if TYPE_CHECKING:
    from sqlalchemy import URL

#: What must be free for something new to begin, bytes: with it, jobs that run can end, and the
#: parts can write their logs.
NEEDED = 16 << 20
#: With less than this nothing is written, bytes: a transaction of ours takes some kilobytes, and
#: as SQLite writes its log back, the file may grow by as much.
LEAST = 1 << 20
#: A disk that was full so short a while ago may just have got room, seconds: whoever holds steps
#: has had no time to say so. Heartbeats come every couple of seconds.
LATELY_S = 20.0


@dataclass(frozen=True)
class Disk:
    """Where a SQLite file lies."""

    file: Path

    @classmethod
    def of(cls, address: str | URL) -> Disk | None:
        """Give the disk of the database at this address; None for servers, and in memory."""
        url = make_url(address)
        if url.get_backend_name() != "sqlite" or not url.database:
            return None
        return cls(Path(url.database))

    def lacks(self, needed: int = NEEDED) -> DatabaseFull | None:
        """Say that less than so many bytes are free; None when there is room."""
        try:
            free = shutil.disk_usage(self.file.parent).free
        except OSError:
            return None  # it can't be looked at: SQLite says what is wrong with it
        return self.full(free) if free < needed else None

    def full(self, free: int | None = None) -> DatabaseFull:
        """Say that it is full, and leave a mark that it was."""
        if free is None:
            free = shutil.disk_usage(self.file.parent).free
        # Only its time matters, which takes no room. Where even the name has none, a step whose
        # lease lapsed is only not waited for.
        with suppress(OSError):
            self._mark.touch()
        return DatabaseFull.on_disk(self.file.parent, NEEDED, free)

    def was_full_lately(self) -> bool:
        """Whether somebody found it full a moment ago, in whatever process."""
        return was_lately(self.last_full(), datetime.now(UTC))

    def last_full(self) -> datetime | None:
        """When somebody last found it full, in whatever process."""
        try:
            return datetime.fromtimestamp(self._mark.stat().st_mtime, UTC)
        except FileNotFoundError:
            return None

    @property
    def _mark(self) -> Path:
        return self.file.with_name(f"{self.file.name}.last-full")


def was_lately(full_at: datetime | None, at: datetime) -> bool:
    """Whether a disk that was last full then had no room until the moment before `at`."""
    return full_at is not None and abs((at - full_at).total_seconds()) < LATELY_S
