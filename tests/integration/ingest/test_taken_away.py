"""What settling takes away of an ended job's own, and what must be on the disk before it does."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import update

from pipeline.history.database import Database
from pipeline.ingest import source
from pipeline.models import Job, JobState
from pipeline.tasks.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.integration.ingest.inbox import Inbox


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_what_a_killed_one_had_taken_aside_and_not_yet_removed_is_removed(inbox: Inbox) -> None:
    submitted = inbox.submit(inbox.put("clip.mp4", "one"))
    aside = inbox.ready.settings.pipeline.paths.work / f"{submitted.job_id}.{'ab' * 16}"
    aside.mkdir(parents=True)
    (aside / "144p.mp4").touch()
    inbox.end(submitted.job_id, JobState.SUCCEEDED)
    assert not aside.exists()


@pytest.mark.parametrize("rule", ["archive", "delete"])
def test_before_anything_is_taken_away_the_end_of_its_job_is_on_the_disk(
    inbox: Inbox, monkeypatch: pytest.MonkeyPatch, rule: str
) -> None:
    """A loss of power must not leave a job without its end, its work and its source."""
    inbox.keeping(on_success=rule)
    submitted = inbox.submit(inbox.put("clip.mp4", "one"))
    work = Workspace(inbox.ready.settings.pipeline.paths.work, Path("/nowhere"), submitted.job_id)
    work.folder.mkdir(parents=True)
    done: list[str] = []

    def telling(word: str, act: Callable[..., Any]) -> Callable[..., Any]:
        def told(*how: Any, **more: Any) -> Any:
            done.append("durably" if more.get("durable") else word)
            return act(*how, **more)

        return told

    monkeypatch.setattr(Database, "begin", telling("written", Database.begin))
    monkeypatch.setattr(shutil, "rmtree", telling("removed", shutil.rmtree))
    monkeypatch.setattr(source, "take", telling("taken", source.take))
    inbox.end(submitted.job_id, JobState.SUCCEEDED)
    told = ["written"] if rule == "archive" else []  # that nothing is left where it was
    assert done == ["written", "durably", "removed", "durably", "taken", *told]


@pytest.mark.parametrize("state", [JobState.CANCELLED, JobState.EXPIRED, JobState.FAILED])
def test_results_that_appeared_as_their_worker_was_killed_do_not_outlive_a_job_that_ends_badly(
    inbox: Inbox, state: JobState
) -> None:
    submitted = inbox.submit(inbox.put("clip.mp4", "one"))
    library = inbox.ready.settings.pipeline.paths.library
    appeared = library / f"clip-{submitted.job_id[:8]}"
    other = library / "clip-00000000"
    for folder in (appeared, other):
        folder.mkdir(parents=True)
        (folder / "job.json").touch()
    inbox.end(submitted.job_id, state)
    assert not appeared.exists()
    assert _names(other) == ["job.json"]
    assert _names(library / ".staging") == []


def test_results_that_are_recorded_stay_when_another_run_of_their_job_ends_badly(
    inbox: Inbox,
) -> None:
    submitted = inbox.submit(inbox.put("clip.mp4", "one"))
    folder = inbox.ready.settings.pipeline.paths.library / f"clip-{submitted.job_id[:8]}"
    folder.mkdir(parents=True)
    with inbox.ready.db.begin() as session:
        session.execute(update(Job).values(output_directory=str(folder)))
    inbox.end(submitted.job_id, JobState.CANCELLED)
    assert folder.is_dir()
