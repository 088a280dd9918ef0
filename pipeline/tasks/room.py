"""Room: whether a step's results fit on their disk, told in bytes before and after it was tried."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.errors import ReelworksError, TransientError
from pipeline.history.errors import DatabaseFull

if TYPE_CHECKING:
    from pathlib import Path

CODE = "no_space"


class NoRoom(TransientError):
    """A step's results don't fit on their disk now."""

    def __init__(self, room: Room) -> None:
        super().__init__(
            CODE,
            f"The step needs about {room.bytes:,} bytes in {room.folder}, "
            f"and {room.free:,} bytes are free.",
            "It goes on by itself once there is room: free some, or point `paths` in pipeline.yml "
            "to a larger disk.",
        )


@dataclass(frozen=True)
class Room:
    """What a step needs: so many bytes in a folder, which may not be there yet."""

    folder: Path
    bytes: int

    def check(self) -> None:
        """See that there is as much. Raises `NoRoom`."""
        if self.free < self.bytes:
            raise NoRoom(self)

    @property
    def free(self) -> int:
        """How many bytes are free where the folder is, or will be."""
        there = next(one for one in (self.folder, *self.folder.parents) if one.exists())
        return shutil.disk_usage(there).free


def in_bytes(error: ReelworksError, room: Room | None) -> ReelworksError:
    """Say a full disk's error with the number of bytes; any other stays as it is.

    A tool that met the full disk knows only that it is full. The database's may be another disk.
    """
    if error.code != CODE or room is None or isinstance(error, (NoRoom, DatabaseFull)):
        return error
    return NoRoom(room).telling(error.log)
