"""A full disk under the database: beat sends all the same, and writes down later what ran."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.faults.mounts import Disk
from tests.integration.scheduler.beats import eventually
from tests.integration.scheduler.test_beat import EVERY_SECOND, row

if TYPE_CHECKING:
    from tests.integration.scheduler.beats import Beats


@pytest.fixture
def database_address(disk: Disk) -> str:
    """SQLite on a disk of its own, whatever the environment says."""
    return f"sqlite:///{disk.folder}/reelworks.db"


def test_what_ran_on_a_full_disk_is_written_down_once_there_is_room(
    beats: Beats, disk: Disk
) -> None:
    beats.schedule(EVERY_SECOND)
    beat = beats.start()
    beats.sends("yaml:tick")
    disk.fill(leaving=0)
    beat.says("what ran is written down later: The database needs about 16,777,216 bytes")
    sent = len(beats.sent("yaml:tick"))
    beats.sends("yaml:tick", more_than=sent)
    disk.free()
    eventually(lambda: row("yaml:tick").total_run_count > sent, "the runs to be written down")
    assert beat.stop() == 0
    assert "Traceback" not in beat.said()


def test_a_beat_that_starts_on_a_full_disk_waits_for_room(beats: Beats, disk: Disk) -> None:
    beats.schedule(EVERY_SECOND)
    disk.fill(leaving=0)
    beat = beats.start()
    beat.says("nothing is sent yet: The database needs about 16,777,216 bytes")
    assert beats.sent("yaml:tick") == []
    disk.free()
    beats.sends("yaml:tick")
    assert beat.stop() == 0
