"""Results of an earlier run stay until new ones are recorded, whoever dies and whatever fails."""

from __future__ import annotations

import os
import signal
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import delete, update

from pipeline import models, workflows
from pipeline.errors import ReelworksError
from pipeline.history import jobs
from pipeline.history.database import now
from pipeline.history.errors import DatabaseUnreachable, LeaseLost
from pipeline.media.checksums import JOB_FILE, sha256
from pipeline.models import JobState, Step
from pipeline.tasks import manifest as packaging
from pipeline.tasks import workspace
from pipeline.tasks.finalise import finalise
from pipeline.tasks.step import StepFailed
from tests.integration.tasks.journeys import allow_attempts, do, row, submitted

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipeline.app import Runtime
    from pipeline.models import Job

pytestmark = pytest.mark.usefixtures("sent")
EARLIER = ("probe", "thumbnail", "rendition")


@pytest.fixture
def again(
    ready: Runtime, new_job: Callable[..., Job], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Job:
    """A job that has results, and is run again up to its manifest."""
    job = submitted(tmp_path / "a.mp4", new_job)
    for kind in (*EARLIER, "manifest"):
        assert do(ready, job, kind) == "done"
    monkeypatch.setattr(workflows, "launch", lambda _job_id: None)
    workflows.retry(job.id, force=True)
    for kind in EARLIER:
        assert do(ready, job, kind) == "done"
    return job


def killed_when_exchanged(ready: Runtime, job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    child = os.fork()
    if not child:
        try:
            ready.db.engine.dispose(close=False)
            monkeypatch.setattr(workspace, "flush", lambda _: os.kill(os.getpid(), signal.SIGKILL))
            do(ready, job, "manifest")
        finally:
            os._exit(1)
    assert os.WTERMSIG(os.waitpid(child, 0)[1]) == signal.SIGKILL
    with ready.db.begin() as session:
        past = now(session) - timedelta(seconds=1)
        session.execute(update(Step).where(Step.lease_until.is_not(None)).values(lease_until=past))


def bad(*_: Any, **__: Any) -> Any:
    raise ReelworksError("encoder_failed", "The packager failed.", "…")


def in_place(ready: Runtime, job: Job) -> str:
    """Say whether the recorded results are in their place, or others."""
    with ready.db.read() as session:
        row = jobs.get(session, job.id)
    there = sha256(Path(row.output_directory or "") / JOB_FILE)
    return "recorded" if there == (row.outputs or {})["job_file_sha256"] else "others"


def nothing_else_is_left(ready: Runtime) -> bool:
    return not list(ready.settings.pipeline.paths.library.glob(".staging/*"))


def test_former_results_are_back_when_the_next_attempt_fails_too(
    ready: Runtime, again: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed_when_exchanged(ready, again, monkeypatch)
    assert in_place(ready, again) == "others"
    monkeypatch.setattr(packaging, "package", bad)
    with pytest.raises(StepFailed):
        do(ready, again, "manifest")
    finalise(ready, again.id, JobState.FAILED)
    assert in_place(ready, again) == "recorded"
    assert nothing_else_is_left(ready)


def test_new_results_are_there_once_the_next_attempt_has_made_them(
    ready: Runtime, again: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed_when_exchanged(ready, again, monkeypatch)
    assert do(ready, again, "manifest") == "done"
    assert in_place(ready, again) == "recorded"
    assert nothing_else_is_left(ready)
    assert row(ready, again, "manifest").attempt == 3


@pytest.mark.parametrize("then", ["it ends", "it is tried again"])
def test_former_results_are_back_when_new_ones_could_not_be_recorded(
    ready: Runtime, again: Job, monkeypatch: pytest.MonkeyPatch, then: str
) -> None:
    allow_attempts(ready, monkeypatch, 1)
    publish, turns = workspace.publish_folder, list[int]()

    def unrecorded(*arguments: Any) -> Any:
        publish(*arguments)
        turns.append(1)
        raise DatabaseUnreachable("postgresql://…", "it went away")

    with monkeypatch.context() as patched:
        patched.setattr(packaging, "publish_folder", unrecorded)
        with pytest.raises(StepFailed):
            do(ready, again, "manifest")
    assert turns
    if then == "it ends":
        finalise(ready, again.id, JobState.FAILED)
    else:
        monkeypatch.setattr(packaging, "package", bad)
        with pytest.raises(StepFailed):
            do(ready, again, "manifest")
    assert in_place(ready, again) == "recorded"
    assert nothing_else_is_left(ready)


def test_an_attempt_whose_job_was_forgotten_meanwhile_leaves_nothing_behind(
    ready: Runtime, again: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forgotten(*_: Any, **__: Any) -> None:
        with ready.db.begin() as session:
            session.execute(delete(models.Job).where(models.Job.id == again.id))
        raise LeaseLost(again.id, ("manifest",))

    monkeypatch.setattr(packaging, "package", forgotten)
    assert do(ready, again, "manifest") == "lease lost"
    assert nothing_else_is_left(ready)
