"""Changes: was a file written to since its content was read, though size and time are the same?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.ingest.mounts import network_kind

if TYPE_CHECKING:
    import os
    from datetime import datetime
    from pathlib import Path

#: How far the clock of a database and that of a machine may be apart, seconds.
APART_S = 1.0


def changed_since(path: Path, found: os.stat_result, read_ns: int | None, at: datetime) -> bool:
    """Whether the file, of which this was found, may have been written to since it was read.

    Its ctime tells, which nobody can set: `read_ns` is what that was before the reading. Where
    nobody noted it, `at` is a moment by which the file had been read. The ctime is also new after
    `chmod` and a new name or link, so reading decides. Network file systems have clocks of their
    own: of them nothing is known. Raises `OSError`.
    """
    if read_ns is None:
        changed = found.st_ctime > at.timestamp() + APART_S
    else:
        changed = found.st_ctime_ns != read_ns
    return changed and network_kind(path) is None
