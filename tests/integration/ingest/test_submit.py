"""One file is one job, whoever finds it, however often; and its source goes where it belongs."""

from __future__ import annotations

import os
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.errors import ReelworksError
from pipeline.history import jobs
from pipeline.ingest import source
from pipeline.ingest.submit import Submitted, Wishes
from pipeline.models import JobState
from pipeline.settings.errors import ConfigurationError
from pipeline.tasks.settle import settle_at_leisure
from tests.integration.ingest.inbox import Inbox


def test_a_new_file_is_recorded_and_then_published(inbox: Inbox) -> None:
    path = inbox.put("series/clip.mp4")
    made = inbox.submit(path)
    assert made.created
    assert inbox.published == [made.job_id]
    with inbox.ready.db.read() as session:
        job = jobs.get(session, made.job_id)
        assert (job.source_path, job.library_subfolder) == (str(path), "series")
        assert job.archive_to == str(inbox.folder.archive / "series")


def test_the_same_file_found_again_is_neither_read_nor_published_again(
    inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = inbox.put("clip.mp4")
    made = inbox.submit(path)
    monkeypatch.setattr(
        "pipeline.ingest.submit.fingerprint", lambda *_, **__: pytest.fail("was read")
    )
    assert inbox.submit(path) == Submitted(made.job_id, created=False)
    assert inbox.published == [made.job_id]


def test_of_many_finders_at_once_one_makes_and_publishes_the_job(inbox: Inbox) -> None:
    path = inbox.put("clip.mp4")
    start, found = threading.Barrier(5), list[Submitted]()

    def race() -> None:
        start.wait()
        found.append(inbox.submit(path))

    racers = [threading.Thread(target=race) for _ in range(5)]
    for racer in racers:
        racer.start()
    for racer in racers:
        racer.join()
    assert [one.created for one in found].count(True) == 1
    assert len({one.job_id for one in found}) == 1
    assert len(inbox.published) == 1


def test_other_content_at_the_same_place_is_another_job(inbox: Inbox) -> None:
    path = inbox.put("clip.mp4", "one")
    first = inbox.submit(path)
    second = inbox.submit(inbox.put("new.mp4", "two").rename(path))
    assert second.created
    assert first.job_id != second.job_id
    assert inbox.superseded == [(first.job_id, "source_replaced")]


def test_a_copy_of_a_running_jobs_source_waits_and_is_archived_after_it(inbox: Inbox) -> None:
    made = inbox.submit(inbox.put("clip.mp4"))
    copy = inbox.put("copy.mp4")
    assert inbox.submit(copy) == Submitted(made.job_id, created=False)
    assert copy.exists()
    inbox.end(made.job_id, JobState.SUCCEEDED)
    inbox.submit(copy)
    assert not copy.exists()
    archived = sorted(path.name for path in inbox.folder.archive.iterdir())
    assert archived == ["clip.mp4", "copy.mp4"]
    assert inbox.rerun == []


def test_failed_content_dropped_again_is_tried_again_as_the_same_job(inbox: Inbox) -> None:
    made = inbox.submit(inbox.put("clip.mp4"))
    inbox.end(made.job_id, JobState.FAILED)
    again = inbox.put("clip.mp4")
    assert inbox.submit(again) == Submitted(made.job_id, created=False)
    assert inbox.rerun == [made.job_id]
    with inbox.ready.db.read() as session:
        assert jobs.get(session, made.job_id).source_path == str(again)


def test_a_failed_file_that_is_kept_is_not_tried_again_by_itself(inbox: Inbox) -> None:
    path = inbox.put("clip.mp4")
    kept = replace(Wishes.of(inbox.folder), folder=None)
    made = inbox.submit(path, kept)
    inbox.end(made.job_id, JobState.FAILED)
    assert path.exists()
    inbox.submit(path, kept)
    assert inbox.rerun == []


def test_success_archives_failure_quarantines_with_the_reason(inbox: Inbox) -> None:
    good = inbox.submit(inbox.put("sub/good.mp4", "good"))
    bad = inbox.submit(inbox.put("bad.mp4", "bad"))
    inbox.end(good.job_id, JobState.SUCCEEDED)
    inbox.end(bad.job_id, JobState.FAILED)
    assert (inbox.folder.archive / "sub" / "good.mp4").read_text() == "good"
    assert (inbox.folder.quarantine / "bad.mp4").read_text() == "bad"
    reason = (inbox.folder.quarantine / "bad.mp4.reason.txt").read_text()
    assert "It is a text.\nGive a video.\n" in reason
    with inbox.ready.db.read() as session:
        job = jobs.get(session, bad.job_id)
        assert job.source_path == str(inbox.folder.quarantine / "bad.mp4")
        assert job.settled_at is not None


@pytest.mark.parametrize("state", [JobState.CANCELLED, JobState.FAILED])
def test_a_source_that_is_to_be_kept_stays(inbox: Inbox, state: JobState) -> None:
    path = inbox.put("clip.mp4")
    keeping = inbox.folder.model_copy(update={"on_failure": "keep", "on_success": "keep"})
    made = inbox.submit(path, Wishes.of(keeping))
    inbox.end(made.job_id, state)
    assert path.exists()


def test_a_source_that_is_to_be_deleted_goes_only_after_success(inbox: Inbox) -> None:
    deleting = inbox.folder.model_copy(update={"on_success": "delete"})
    path = inbox.put("clip.mp4")
    made = inbox.submit(path, Wishes.of(deleting))
    assert path.exists()
    inbox.end(made.job_id, JobState.SUCCEEDED)
    assert not path.exists()


def test_nothing_in_the_archive_is_ever_overwritten(inbox: Inbox) -> None:
    inbox.folder.archive.mkdir(parents=True)
    (inbox.folder.archive / "clip.mp4").write_text("older")
    made = inbox.submit(inbox.put("clip.mp4", "newer"))
    inbox.end(made.job_id, JobState.SUCCEEDED)
    assert (inbox.folder.archive / "clip.mp4").read_text() == "older"
    assert (inbox.folder.archive / "clip (2).mp4").read_text() == "newer"


def test_a_source_is_copied_whole_where_it_cannot_be_linked(
    inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    def other_file_system(self: Path, target: Path) -> None:
        raise OSError(18, "Invalid cross-device link")

    path = inbox.put("clip.mp4", "whole")
    made = inbox.submit(path)
    with monkeypatch.context() as patched:
        patched.setattr(Path, "hardlink_to", other_file_system)
        inbox.end(made.job_id, JobState.SUCCEEDED)
        assert path.exists()
        assert inbox.sent == [("pipeline.settle", (made.job_id,))]
        settle_at_leisure(made.job_id)
    assert not path.exists()
    assert (inbox.folder.archive / "clip.mp4").read_text() == "whole"
    assert [path.name for path in inbox.folder.archive.iterdir()] == ["clip.mp4"]


def test_a_source_that_cannot_be_moved_now_stays_owed(
    inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> Path:
        raise OSError(28, "No space left on device")

    path = inbox.put("clip.mp4")
    made = inbox.submit(path)
    with monkeypatch.context() as patched:
        patched.setattr(source, "_link", full)
        inbox.end(made.job_id, JobState.SUCCEEDED)
    assert path.exists()
    with inbox.ready.db.read() as session:
        assert jobs.unsettled(session) == [made.job_id]


def test_what_cannot_be_submitted_says_why_and_makes_no_job(inbox: Inbox) -> None:
    with pytest.raises(ReelworksError, match="is gone") as gone:
        inbox.submit(inbox.folder.path / "absent.mp4")
    assert gone.value.code == "source_gone"
    with pytest.raises(ConfigurationError, match="Did you mean 'quick'"):
        inbox.submit(inbox.put("a.mp4"), Wishes("quik", 5))
    assert inbox.published == []


def test_a_file_that_changes_while_it_is_read_is_left_for_later(
    inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = inbox.put("clip.mp4")

    def slow_reading(_: Path, **__: bool) -> str:
        path.write_text("changed meanwhile")
        return "f"

    monkeypatch.setattr("pipeline.ingest.submit.fingerprint", slow_reading)
    with pytest.raises(ReelworksError, match="changed while it was read"):
        inbox.submit(path)
    assert inbox.published == []


def test_a_name_that_is_no_text_is_refused_in_words(inbox: Inbox) -> None:
    path = inbox.folder.path / os.fsdecode(b"caf\xe9.mp4")
    path.write_text("a clip")
    with pytest.raises(ReelworksError, match="is not valid UTF-8") as refused:
        inbox.submit(path)
    assert refused.value.code == "bad_name"
    assert path.exists()
