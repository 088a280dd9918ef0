"""Who takes files may be killed at any moment: what was dropped is worked on all the same."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select

from pipeline.errors import ReelworksError
from pipeline.history import jobs
from pipeline.models import Job, JobState, OutboxRow
from pipeline.tasks import control, taking
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

    takes = Taking(ready, publish)
    takes.take_one(path, entry)
    with ready.db.read() as session:
        job = jobs.get(session, taken[0])
    shutil.copyfile(path, again)
    assert finalise(ready, job.id, JobState.FAILED, error=BAD, step="probe")
    with pytest.raises(Killed):
        takes.take_one(again, entry)
    assert taken == [job.id, job.id]
    assert state(ready, job) == ("queued", None)
    takes.take_one(again, entry)
    assert len(taken) == 2, "it is the reconciler's now"
    assert "pipeline.notify" in sent


def test_a_file_with_a_wrong_sidecar_is_not_worked_on_though_who_took_it_was_killed(
    ready: Runtime, sent: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = ready.settings.pipeline.watch[0]
    path = entry.path / "clip.mp4"
    path.write_text("a clip")
    path.with_name("clip.mp4.yml").write_text("titel: A clip\n")

    def killed(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(taking, "follow", killed)
        with pytest.raises(Killed):
            Taking(ready).take_one(path, entry)
    with ready.db.read() as session:
        (job,) = session.scalars(select(Job)).all()
        owed = [one.event for one in session.scalars(select(OutboxRow))]
    assert (job.state, job.error_code) == (JobState.FAILED, "bad_sidecar")
    assert owed == ["failed"]
    control.reconcile()
    assert job.id not in sent
    assert not path.exists(), "its source goes where failed ones do, by the reconciler"


@pytest.mark.parametrize("ended", [JobState.SUCCEEDED, JobState.FAILED])
def test_ended_work_dropped_again_with_a_wrong_sidecar_fails_for_it_and_keeps_its_file(
    ready: Runtime, sent: list[str], ended: JobState
) -> None:
    entry = ready.settings.pipeline.watch[0].model_copy(update={"on_success": "delete"})
    path, again = entry.path / "clip.mp4", entry.path / "again.mp4"
    path.write_text("a clip")
    taken: list[str] = []

    def publish(job_id: str) -> bool:
        taken.append(job_id)
        return True

    takes = Taking(ready, publish)
    takes.take_one(path, entry)
    with ready.db.begin() as session:
        job = jobs.get(session, taken[0])
        jobs.record_outputs(session, job, str(entry.path.parent / "removed"), {}, [])
    ready.settings.pipeline.paths.library.mkdir(parents=True, exist_ok=True)
    error = BAD if ended is JobState.FAILED else None
    assert finalise(ready, job.id, ended, error=error, step="probe")
    again.write_text("a clip")
    again.with_name("again.mp4.yml").write_text("titel: A clip\n")
    takes.take_one(again, entry)
    with ready.db.read() as session:
        now = jobs.get(session, job.id)
        owed = [one.event for one in session.scalars(select(OutboxRow))]
    assert (now.state, now.run, now.error_code) == (JobState.FAILED, 2, "bad_sidecar")
    assert owed[-1] == "failed"
    assert (entry.quarantine / "again.mp4").read_text() == "a clip"
    assert (entry.quarantine / "again.mp4.yml").exists()
    (entry.quarantine / "again.mp4.yml").rename(again.with_name("again.mp4.yml"))
    (entry.quarantine / "again.mp4").rename(again)
    again.with_name("again.mp4.yml").write_text("title: A clip\n")
    takes.take_one(again, entry)
    assert taken == [job.id, job.id]
