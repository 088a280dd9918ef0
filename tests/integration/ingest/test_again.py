"""Files found again: other profiles, other names, copies; done or tried again once each."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pipeline.errors import ReelworksError
from pipeline.history import jobs
from pipeline.ingest import submit as submitting
from pipeline.ingest.fingerprint import fingerprint
from pipeline.ingest.submit import Wishes
from pipeline.models import JobState
from pipeline.tasks import taking
from pipeline.tasks.ingest import submit_file

if TYPE_CHECKING:
    from tests.integration.ingest.inbox import Inbox


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the files that were read."""
    names: list[str] = []

    def remember(path: Path, *, follow: bool = True) -> str:
        names.append(path.name)
        return fingerprint(path, follow=follow)

    monkeypatch.setattr(submitting, "fingerprint", remember)
    return names


@pytest.fixture
def launched(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    ids: list[str] = []
    monkeypatch.setattr(taking, "launch", ids.append)
    return ids


def run_again(inbox: Inbox) -> int:
    """Begin the new runs that were asked for; counts them."""
    asked = len(inbox.rerun)
    while inbox.rerun:
        with inbox.ready.db.begin() as session:
            jobs.reopen(session, inbox.rerun.pop(), timedelta(hours=1), afresh=False)
    return asked


def test_another_profile_is_another_job_of_the_same_file(
    inbox: Inbox, launched: list[str], tmp_path: Path
) -> None:
    path = tmp_path / "elsewhere.mp4"
    path.write_text("a clip")
    made = [submit_file(path, profile=profile) for profile in ("quick", "slow", "quick", "slow")]
    assert [one.created for one in made] == [True, True, False, False]
    assert [inbox.job(one.job_id).profile for one in made] == ["quick", "slow", "quick", "slow"]
    assert launched == [made[0].job_id, made[1].job_id]


@pytest.mark.parametrize("state", [JobState.FAILED, JobState.EXPIRED, JobState.CANCELLED])
def test_two_copies_of_work_that_failed_do_not_run_each_other_for_ever(
    inbox: Inbox, state: JobState, read: list[str]
) -> None:
    inbox.keeping(on_failure="keep")
    inbox.put("a.mp4")
    inbox.put("b.mp4")
    inbox.scan()
    (job_id,) = inbox.published
    inbox.end(job_id, state)
    for _ in range(4):
        inbox.scan()
    assert inbox.rerun == []
    assert inbox.job(job_id).state is state
    assert read == ["a.mp4", "b.mp4"]


def test_failed_work_dropped_again_beside_its_kept_source_is_tried_once_more(
    inbox: Inbox,
) -> None:
    inbox.keeping(on_failure="keep")
    made = inbox.submit(inbox.put("a.mp4"))
    inbox.end(made.job_id, JobState.FAILED)
    again = inbox.put("b.mp4")
    runs = []
    for _ in range(4):
        inbox.scan()
        runs.append(run_again(inbox))
        if runs[-1]:
            inbox.end(made.job_id, JobState.FAILED)
    assert runs == [1, 0, 0, 0]
    assert inbox.job(made.job_id).source_path == str(again)


def test_cancelled_work_is_not_run_again_by_finding_a_copy(inbox: Inbox) -> None:
    made = inbox.submit(inbox.put("a.mp4"))
    inbox.end(made.job_id, JobState.CANCELLED)
    inbox.put("b.mp4")
    inbox.scan()
    assert inbox.scan() == []
    assert inbox.rerun == []
    assert inbox.job(made.job_id).state is JobState.CANCELLED


def test_a_copy_seen_while_the_work_ran_is_quarantined_with_it(inbox: Inbox) -> None:
    made = inbox.submit(inbox.put("a.mp4"))
    inbox.submit(inbox.put("b.mp4"))
    inbox.end(made.job_id, JobState.FAILED)
    inbox.scan()
    found = sorted(path.name for path in inbox.folder.quarantine.iterdir())
    assert found == ["a.mp4", "a.mp4.reason.txt", "b.mp4", "b.mp4.reason.txt"]
    assert inbox.rerun == []


def test_a_file_taken_back_from_quarantine_is_tried_again(inbox: Inbox) -> None:
    path = inbox.put("a.mp4")
    made = inbox.submit(path)
    inbox.end(made.job_id, JobState.FAILED)
    (inbox.folder.quarantine / "a.mp4").rename(path)
    inbox.scan()
    assert inbox.rerun == [made.job_id]
    assert inbox.job(made.job_id).source_path == str(path)


def test_a_copy_of_kept_work_is_read_once(inbox: Inbox, read: list[str]) -> None:
    inbox.keeping(on_success="keep")
    made = inbox.submit(inbox.put("a.mp4"))
    inbox.end(made.job_id, JobState.SUCCEEDED)
    copy = inbox.put("b.mp4")
    assert inbox.scan() == [copy]
    for _ in range(4):
        assert inbox.scan() == []
    assert read == ["a.mp4", "b.mp4"]
    assert inbox.events(made.job_id).count("dropped_again") == 1
    assert copy.exists()


def test_deleted_work_dropped_again_under_its_name_is_deleted_too(inbox: Inbox) -> None:
    inbox.keeping(on_success="delete")
    path = inbox.put("a.mp4")
    made = inbox.submit(path)
    inbox.end(made.job_id, JobState.SUCCEEDED)
    assert not path.exists()
    inbox.put("a.mp4")
    inbox.scan()
    assert not path.exists()
    assert inbox.rerun == []


def test_a_copy_goes_by_its_own_folders_rules(inbox: Inbox, tmp_path: Path) -> None:
    inbox.keeping(on_success="delete")
    made = inbox.submit(inbox.put("a.mp4"))
    inbox.end(made.job_id, JobState.SUCCEEDED)
    original = tmp_path / "original.mp4"
    original.write_text("a clip")
    assert not inbox.submit(original, Wishes("quick", 5)).created
    assert original.exists()


def test_failed_work_tried_again_with_a_file_from_elsewhere_goes_by_that_files_rules(
    inbox: Inbox, tmp_path: Path
) -> None:
    made = inbox.submit(inbox.put("a.mp4"))
    inbox.end(made.job_id, JobState.FAILED)
    mine = tmp_path / "mine.mp4"
    mine.write_text("a clip")
    inbox.submit(mine, Wishes("quick", 5, by_hand=True))
    assert run_again(inbox) == 1
    inbox.end(made.job_id, JobState.FAILED)
    assert mine.exists()
    dropped = inbox.put("c.mp4")
    inbox.submit(dropped)
    assert run_again(inbox) == 1
    inbox.end(made.job_id, JobState.FAILED)
    assert mine.exists()
    assert (inbox.folder.quarantine / "c.mp4").exists()


def test_a_copy_that_can_not_be_moved_now_is_moved_by_a_later_scan(
    inbox: Inbox, monkeypatch: pytest.MonkeyPatch, read: list[str]
) -> None:
    def full(*_: object) -> Path:
        raise OSError(28, "No space left on device")

    made = inbox.submit(inbox.put("a.mp4"))
    inbox.end(made.job_id, JobState.SUCCEEDED)
    copy = inbox.put("b.mp4")
    with monkeypatch.context() as patched:
        patched.setattr("pipeline.ingest.source._link", full)
        inbox.scan()
    assert copy.exists()
    inbox.scan()
    assert not copy.exists()
    assert read == ["a.mp4", "b.mp4"]


def test_a_copy_that_can_not_be_taken_away_leaves_nothing_in_the_archive(
    inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> bool:
        raise PermissionError(1, "Operation not permitted")

    made = inbox.submit(inbox.put("a.mp4"))
    inbox.end(made.job_id, JobState.SUCCEEDED)
    copy = inbox.put("b.mp4")
    monkeypatch.setattr("pipeline.ingest.source.take", refused)
    for _ in range(3):
        inbox.scan()
    assert copy.exists()
    assert [path.name for path in inbox.folder.archive.iterdir()] == ["a.mp4"]


@pytest.mark.parametrize(
    "written", ["inbox/../inbox/sub/a.mp4", "other/../inbox/sub/a.mp4", "link/sub/a.mp4", "a.mp4"]
)
def test_a_file_has_one_name_however_it_was_written(
    inbox: Inbox, launched: list[str], monkeypatch: pytest.MonkeyPatch, written: str
) -> None:
    path = inbox.put("sub/a.mp4")
    root = inbox.folder.path.parent
    (root / "other").mkdir()
    (root / "link").symlink_to(inbox.folder.path)
    (root / "a.mp4").symlink_to(path)
    monkeypatch.chdir(root)
    made = submit_file(Path(written))
    job = inbox.job(made.job_id)
    assert (job.source_path, job.library_subfolder) == (str(path), "sub")
    assert job.archive_to == str(inbox.folder.archive / "sub")
    assert submit_file(path).job_id == made.job_id
    assert launched == [made.job_id]


def test_a_relative_name_from_a_folder_beside_is_understood(
    inbox: Inbox, launched: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = inbox.put("b.mp4")
    (inbox.folder.path.parent / "other").mkdir()
    monkeypatch.chdir(inbox.folder.path.parent / "other")
    made = submit_file(Path("../inbox/b.mp4"))
    assert inbox.job(made.job_id).source_path == str(path)
    assert launched == [made.job_id]


def test_a_file_that_lies_outside_the_folder_it_is_said_to_be_in_is_refused(inbox: Inbox) -> None:
    path = inbox.folder.path / ".." / "outside.mp4"
    path.write_text("a clip")
    with pytest.raises(ReelworksError, match="does not lie in") as refused:
        inbox.submit(path)
    assert refused.value.code == "outside"
    assert inbox.published == []
