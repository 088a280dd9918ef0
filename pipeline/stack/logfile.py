"""The log of a part: it is appended to, kept from growing for ever, and its end can be shown."""

from __future__ import annotations

import errno
import os
import shutil
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

#: A log larger than this is set aside as `<name>.log.1`, bytes. One former log is kept.
LARGEST = 20 * 1024 * 1024
#: How much of a log's end is read to show its last lines, bytes.
END = 16 * 1024


def open_for(log: Path) -> IO[bytes]:
    """Open a log for a process to append to; the folder is made, readable by its owner only."""
    log.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    return log.open("ab")


def trim(log: Path) -> None:
    """Set a log aside when it is too large, while its process goes on writing.

    The process keeps its open file, so the text is copied and the file cut: since it was opened
    for appending, the next line lands at the new end. Lines written between the two are lost, and
    all of them where the disk is too full for a copy: then they are what fills it.
    """
    try:
        large = log.stat().st_size > LARGEST
    except FileNotFoundError:
        return
    if large:
        aside = log.with_name(f"{log.name}.1")
        try:
            shutil.copyfile(log, aside)
        except OSError as problem:
            if problem.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
            aside.unlink(missing_ok=True)
        os.truncate(log, 0)


def last_lines(log: Path, count: int) -> list[str]:
    """Read the last lines that are not empty."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - END))
            text = file.read().decode(errors="replace")
    except FileNotFoundError:
        return []
    return [line.rstrip() for line in text.splitlines() if line.strip()][-count:]
