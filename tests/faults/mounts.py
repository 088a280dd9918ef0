"""Small disks of a fault run's own: they can be filled, and made read-only, and nothing else is.

Mounting needs root. Where it is not allowed the folders are ordinary ones, and the faults that
need a disk of their own are left out, which the run says.
"""

from __future__ import annotations

import os
import subprocess
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.system import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

#: How large each disk is, MiB: room for a few batches, and filled in a moment.
SIZE_MIB = {"work": 96, "library": 192, "state": 192, "elsewhere": 128}
#: How often it is tried to fill a disk that others write to.
TRIES = 100


@dataclass(frozen=True)
class Disk:
    """A small file system mounted at `folder`."""

    folder: Path

    @property
    def _filler(self) -> Path:
        return self.folder / ".filler"

    def fill(self, *, leaving: int) -> None:
        """Take all but `leaving` bytes of what is free."""
        with self._filler.open("wb") as file:
            for _ in range(TRIES):
                facts = os.statvfs(self.folder)
                free = facts.f_bavail * facts.f_frsize
                try:
                    os.posix_fallocate(file.fileno(), 0, max(1, free - leaving))
                except OSError:
                    continue  # somebody wrote in between: there is less now
                return

    def free(self) -> None:
        """Give back what `fill` took."""
        self._filler.unlink(missing_ok=True)

    def read_only(self, *, yes: bool) -> None:
        """Refuse all writing, or allow it again; between two who write, as the kernel demands."""
        argv = ["mount", "-o", "remount,ro" if yes else "remount,rw", str(self.folder)]

        def mounted() -> bool:
            return subprocess.run(argv, check=False, stderr=subprocess.DEVNULL).returncode == 0

        eventually(mounted, " ".join(argv), 30)


def can_mount(folder: Path) -> bool:
    """Whether disks can be mounted below the folder."""
    with small_disks(folder) as disks:
        return bool(disks)


@contextmanager
def small_disks(media: Path) -> Iterator[dict[str, Disk]]:
    """Mount a small disk at each of the folders Reelworks writes to; nothing where we may not."""
    disks: dict[str, Disk] = {}
    try:
        for name, size in SIZE_MIB.items():
            folder = media / name
            folder.mkdir(parents=True, exist_ok=True)
            options = f"size={size}m,mode=0700"
            mount = ["mount", "-t", "tmpfs", "-o", options, "reelworks-faults", str(folder)]
            if subprocess.run(mount, check=False, capture_output=True).returncode != 0:
                break
            disks[name] = Disk(folder)
        yield disks if len(disks) == len(SIZE_MIB) else {}
    finally:
        for disk in disks.values():
            subprocess.run(["umount", "-l", str(disk.folder)], check=True)
