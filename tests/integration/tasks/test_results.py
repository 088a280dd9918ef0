"""Results of steps: flushed before they are published, and made again when they are gone."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pipeline import durability
from pipeline.history import jobs
from pipeline.models import JobState, StepState
from pipeline.tasks import control, workspace
from pipeline.tasks.finalise import finalise
from pipeline.tasks.step import StepFailed, Work
from tests.integration.tasks.journeys import (
    allow_attempts,
    attempts,
    do,
    renditions,
    row,
    state,
    submitted,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy.orm import Session

    from pipeline.app import Runtime
    from pipeline.history.steps import Claim
    from pipeline.models import Job

pytestmark = pytest.mark.usefixtures("sent")


@pytest.fixture
def flushed(monkeypatch: pytest.MonkeyPatch) -> list[tuple[bool, Path]]:
    """What was forced to disk, each with whether that was inside the fence."""
    seen: list[tuple[bool, Path]] = []
    inside = [False]
    publish, flush = Work.publish, durability.flush

    def publishing(work: Work, act: Callable[[Session, Job], Any]) -> Any:
        def acting(session: Session, job: Job) -> Any:
            inside[0] = True
            try:
                return act(session, job)
            finally:
                inside[0] = False

        return publish(work, acting)

    def watched(path: Path) -> None:
        seen.append((inside[0], path))
        flush(path)

    monkeypatch.setattr(Work, "publish", publishing)
    for module in (durability, workspace):
        monkeypatch.setattr(module, "flush", watched)
    return seen


def test_nothing_waits_for_the_disk_while_the_database_is_locked(
    ready: Runtime,
    new_job: Callable[..., Job],
    tmp_path: Path,
    flushed: list[tuple[bool, Path]],
) -> None:
    job = submitted(tmp_path / "a.mp4", new_job)
    for kind in ("probe", "thumbnail", "rendition", "manifest"):
        do(ready, job, kind)
    library = ready.settings.pipeline.paths.library
    assert [path for inside, path in flushed if inside] == [library]
    before = {path.name for inside, path in flushed if not inside}
    assert {"thumbnail.1.tmp.jpg", "240p.1.tmp.mp4", "master.m3u8", "job.json"} <= before
    assert state(ready, job) == ("succeeded", None)


def published(ready: Runtime, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    launched: list[str] = []
    monkeypatch.setattr(control, "launch", launched.append)
    return launched


@pytest.mark.parametrize("limit", [1, 3])
def test_a_result_that_is_gone_is_made_again_at_once_and_costs_no_try(
    ready: Runtime,
    new_job: Callable[..., Job],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    sent: list[str],
    limit: int,
) -> None:
    allow_attempts(ready, monkeypatch, limit)
    launched = published(ready, monkeypatch)
    job = submitted(tmp_path / "a.mp4", new_job)
    for kind in ("probe", "thumbnail", "rendition"):
        do(ready, job, kind)
    with ready.db.begin() as session:
        jobs.mark_published(session, job.id)
    (ready.settings.pipeline.paths.work / job.id / "240p.mp4").unlink()
    sent.clear()
    assert "given back" in do(ready, job, "manifest")
    assert sent == ["pipeline.resume"]
    control.resume(job.id)
    assert launched == [job.id]
    assert row(ready, job, "manifest").tries == 0
    do(ready, job, "rendition")
    assert do(ready, job, "manifest") == "done"
    assert state(ready, job) == ("succeeded", None)
    assert attempts(ready, job, "rendition:144p") == [("done", None)]


def test_a_job_that_ended_and_was_cleared_away_is_not_opened_again(
    ready: Runtime, new_job: Callable[..., Job], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = submitted(tmp_path / "a.mp4", new_job)
    for kind in ("probe", "thumbnail", "rendition"):
        do(ready, job, kind)
    begin = workspace.Workspace.open

    def cancelled_as_it_begins(self: workspace.Workspace, claim: Claim) -> None:
        begin(self, claim)
        finalise(ready, job.id, JobState.CANCELLED)

    monkeypatch.setattr(workspace.Workspace, "open", cancelled_as_it_begins)
    assert do(ready, job, "manifest") == "lease lost"
    first = renditions(ready, job)[0]
    assert row(ready, job, first).state is StepState.DONE


def test_results_that_go_again_and_again_fail_the_job_in_words(
    ready: Runtime, new_job: Callable[..., Job], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    allow_attempts(ready, monkeypatch, 1)
    job = submitted(tmp_path / "a.mp4", new_job)
    for kind in ("probe", "thumbnail", "rendition"):
        do(ready, job, kind)
    result = ready.settings.pipeline.paths.work / job.id / "240p.mp4"
    result.unlink()
    do(ready, job, "manifest")
    do(ready, job, "rendition")
    result.unlink()
    with pytest.raises(StepFailed):
        do(ready, job, "manifest")
    control.repair(ready, job.id)
    assert state(ready, job) == ("failed", "result_gone")
