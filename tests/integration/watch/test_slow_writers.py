"""Writers as shares and slow disks have them: in steps, with coarse times, across file systems."""

from __future__ import annotations

import os
import shutil
import tempfile
import threading
import time
from pathlib import Path

import pytest

from tests.integration.watch.conftest import Watched

#: Another file system than that of most temporary folders.
MEMORY = Path("/dev/shm")
#: What a coarse clock of a server counts in, seconds.
COARSE_S = 2


def test_a_file_that_grows_on_a_share_with_coarse_times_is_taken_once_and_whole(
    watched: Watched,
) -> None:
    """Its size tells that it grows; its time stays the same for two seconds."""
    watched.rules(polling=True, settle_seconds=1.5)
    path = watched.inbox / "film.mkv"
    with watched.watching():
        for part in range(6):
            path.write_bytes(b"part" * (part + 1))
            coarse = int(time.time()) // COARSE_S * COARSE_S
            os.utime(path, (coarse, coarse))
            watched.quietly(0.5)
            assert watched.names() == []
        watched.until(lambda: watched.names() == ["film.mkv"])
    assert watched.jobs()["film.mkv"].source_bytes == 24


@pytest.mark.parametrize("moved", [False, True])
def test_a_slow_copy_from_another_file_system_is_taken_when_it_ends(
    watched: Watched, moved: bool
) -> None:
    watched.rules(settle_seconds=0.3)
    with (
        tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as other,
        watched.watching(),
    ):
        origin, target = Path(other) / "film.mkv", watched.inbox / "film.mkv"
        origin.write_bytes(bytes(1 << 20))
        if moved:
            shutil.move(origin, target)
        else:
            slowly = threading.Thread(target=_stalling, args=(origin, target))
            slowly.start()
            watched.quietly(1.2)
            assert watched.names() == []
            slowly.join()
        watched.until(lambda: watched.names() == ["film.mkv"])
    assert watched.jobs()["film.mkv"].source_bytes == 1 << 20
    assert len(watched.published) == 1


def _stalling(origin: Path, target: Path) -> None:
    """Copy half, do nothing for longer than a file needs to settle, and copy the rest."""
    data = origin.read_bytes()
    with target.open("wb") as copy:
        copy.write(data[: len(data) // 2])
        copy.flush()
        time.sleep(1.5)
        copy.write(data[len(data) // 2 :])
