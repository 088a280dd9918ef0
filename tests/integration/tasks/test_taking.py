"""Who takes files may be killed at any moment: what was dropped is worked on all the same."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from pipeline.errors import ReelworksError
from pipeline.history import jobs
from pipeline.models import JobState
from pipeline.tasks.finalise import finalise
from pipeline.tasks.taking import Taking
from tests.integration.tasks.journeys import state

if TYPE_CHECKING:
    from pipeline.app import Runtime

BAD = ReelworksError("not_media", "It is a text.", "Give a video.")


class Killed(BaseException):
    """What ends a process at once."""


def test_failed_work_dropped_again_is_done_though_who_took_it_was_killed_before_publishing(
    ready: Runtime, sent: list[str]
) -> None:
    entry = ready.settings.pipeline.watch[0]
    path, again = entry.path / "clip.mp4", entry.path / "again.mp4"
    path.write_text("a clip")
    taken: list[str] = []

    def publish(job_id: str) -> bool:
        taken.append(job_id)
        if len(taken) > 1:
            raise Killed
        return True

    taking = Taking(ready, publish)
    taking.take_one(path, entry)
    with ready.db.read() as session:
        job = jobs.get(session, taken[0])
    shutil.copyfile(path, again)
    assert finalise(ready, job.id, JobState.FAILED, error=BAD, step="probe")
    with pytest.raises(Killed):
        taking.take_one(again, entry)
    assert taken == [job.id, job.id]
    assert state(ready, job) == ("queued", None)
    taking.take_one(again, entry)
    assert len(taken) == 2, "it is the reconciler's now"
    assert "pipeline.notify" in sent
