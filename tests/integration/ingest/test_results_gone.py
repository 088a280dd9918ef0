"""Results that somebody removed are made again: by a new drop, by hand, and by `retry`."""

from __future__ import annotations

import shutil
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pipeline import workflows
from pipeline.history import jobs
from pipeline.history.errors import WrongState
from pipeline.history.fate import SourceFate
from pipeline.ingest.results import results_gone
from pipeline.ingest.submit import Wishes
from pipeline.media.errors import MediaError
from pipeline.models import JobState

if TYPE_CHECKING:
    from tests.integration.ingest.inbox import Inbox


def library(inbox: Inbox) -> Path:
    return inbox.ready.settings.pipeline.paths.library


def succeeded(inbox: Inbox, path: Path) -> str:
    """Submit the file and end its job well, with an output folder; returns its id."""
    job_id = inbox.submit(path).job_id
    folder = library(inbox) / f"made-{job_id[:8]}"
    folder.mkdir(parents=True)
    with inbox.ready.db.begin() as session:
        jobs.record_outputs(session, jobs.get(session, job_id), str(folder), {}, [])
    inbox.end(job_id, JobState.SUCCEEDED)
    return job_id


def remove_results(inbox: Inbox, job_id: str) -> None:
    shutil.rmtree(inbox.job(job_id).output_directory or "")


def by_hand(inbox: Inbox) -> Wishes:
    return Wishes(inbox.folder.profile, inbox.folder.priority, inbox.folder, by_hand=True)


@pytest.mark.parametrize("on_success", ["archive", "keep", "delete"])
def test_content_dropped_again_after_its_results_were_removed_is_made_again(
    inbox: Inbox, on_success: str
) -> None:
    inbox.keeping(on_success=on_success)
    job_id = succeeded(inbox, inbox.put("a.mp4"))
    remove_results(inbox, job_id)
    again = inbox.put("b.mp4")
    assert not inbox.submit(again).created
    assert inbox.rerun == [job_id]
    assert again.exists()
    assert inbox.job(job_id).source_path == str(again)
    assert "results_gone" in inbox.events(job_id)


@pytest.mark.parametrize("on_success", ["delete", "archive"])
def test_a_file_outside_all_folders_stays_though_what_it_is_a_copy_of_was_taken_away(
    inbox: Inbox, on_success: str, tmp_path: Path
) -> None:
    inbox.keeping(on_success=on_success)
    job_id = succeeded(inbox, inbox.put("a.mp4"))
    remove_results(inbox, job_id)
    mine = tmp_path / "master.mp4"
    mine.write_text("a clip")
    assert not inbox.submit(mine, Wishes(inbox.folder.profile, 5, by_hand=True)).created
    assert inbox.rerun == [job_id]
    with inbox.ready.db.begin() as session:
        jobs.reopen(session, job_id, timedelta(hours=1), afresh=False, rebuild=True)
    inbox.end(job_id, JobState.SUCCEEDED)
    assert mine.read_text() == "a clip"
    assert inbox.job(job_id).source_fate == SourceFate.KEPT


def test_the_same_name_dropped_again_counts_as_a_drop(inbox: Inbox) -> None:
    inbox.keeping(on_success="delete")
    path = inbox.put("a.mp4")
    job_id = succeeded(inbox, path)
    remove_results(inbox, job_id)
    assert not path.exists()
    inbox.put("a.mp4")
    assert inbox.scan() == [path]
    assert inbox.rerun == [job_id]
    assert path.exists()


def test_a_kept_source_is_not_made_again_by_a_scan_but_by_hand(inbox: Inbox) -> None:
    inbox.keeping(on_success="keep")
    path = inbox.put("a.mp4")
    job_id = succeeded(inbox, path)
    remove_results(inbox, job_id)
    assert inbox.scan() == []
    inbox.submit(path)
    assert inbox.rerun == []
    inbox.submit(path, by_hand(inbox))
    assert inbox.rerun == [job_id]


def test_nothing_is_made_again_while_the_results_are_there(
    inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workflows, "_plan_changed", lambda *_: False)
    inbox.keeping(on_success="keep")
    path = inbox.put("a.mp4")
    job_id = succeeded(inbox, path)
    inbox.submit(path, by_hand(inbox))
    inbox.submit(inbox.put("b.mp4"))
    assert inbox.rerun == []
    with pytest.raises(WrongState, match="nothing to retry") as refused:
        workflows.retry(job_id)
    assert "--force" in refused.value.hint


def test_a_library_that_is_away_is_not_emptied(inbox: Inbox) -> None:
    job_id = succeeded(inbox, inbox.put("a.mp4"))
    shutil.rmtree(library(inbox))
    assert not results_gone(inbox.job(job_id), library(inbox))
    library(inbox).mkdir()
    assert results_gone(inbox.job(job_id), library(inbox))


def test_a_retry_makes_removed_results_again(inbox: Inbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workflows, "launch", inbox.published.append)
    job_id = succeeded(inbox, inbox.put("a.mp4"))
    inbox.published.clear()
    remove_results(inbox, job_id)
    view = workflows.retry(job_id)
    assert (view.state, view.run, inbox.published) == ("queued", 2, [job_id])
    assert {step.state for step in view.steps} == {"waiting"}


def test_a_retry_by_force_makes_everything_again(
    inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workflows, "launch", inbox.published.append)
    monkeypatch.setattr(workflows, "_plan_changed", lambda *_: False)
    job_id = succeeded(inbox, inbox.put("a.mp4"))
    with pytest.raises(WrongState):
        workflows.retry(job_id)
    assert workflows.retry(job_id, force=True).state == "queued"
    with pytest.raises(WrongState, match="is still queued") as refused:
        workflows.retry(job_id, force=True)
    assert "cancel" in refused.value.hint


def test_what_succeeded_stays_so_when_its_source_is_no_longer_there(
    inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workflows, "launch", inbox.published.append)
    inbox.keeping(on_success="delete")
    job_id = succeeded(inbox, inbox.put("a.mp4"))
    remove_results(inbox, job_id)
    with pytest.raises(MediaError) as refused:
        workflows.retry(job_id)
    assert refused.value.code == "source_gone"
    assert inbox.job(job_id).state is JobState.SUCCEEDED


def test_the_log_says_what_became_of_a_copy(inbox: Inbox) -> None:
    job_id = succeeded(inbox, inbox.put("a.mp4"))
    inbox.submit(inbox.put("b.mp4"))
    assert inbox.messages(job_id)[-1] == (
        f"the copy {inbox.folder.path / 'b.mp4'} was moved to {inbox.folder.archive / 'b.mp4'}"
    )
    inbox.keeping(on_success="delete")
    inbox.submit(inbox.put("c.mp4"))
    assert inbox.messages(job_id)[-1] == f"the copy {inbox.folder.path / 'c.mp4'} was deleted"


def test_the_log_of_work_under_way_tells_of_a_copy(inbox: Inbox) -> None:
    job_id = inbox.submit(inbox.put("a.mp4")).job_id
    inbox.submit(inbox.put("b.mp4"))
    assert "one job serves both" in inbox.messages(job_id)[-1]
    with inbox.ready.db.begin() as session, pytest.raises(WrongState, match="is still queued"):
        jobs.reopen(session, job_id, timedelta(hours=1), afresh=True)
