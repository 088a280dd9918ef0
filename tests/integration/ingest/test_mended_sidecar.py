"""A job that failed for its wrong sidecar is retried: what the mended one says counts."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pipeline import workflows
from pipeline.errors import ReelworksError
from pipeline.history.errors import WrongState
from pipeline.ingest.submit import BAD_SIDECAR, Wishes
from pipeline.models import JobState
from pipeline.settings.errors import ConfigurationError
from pipeline.tasks.finalise import finalise

if TYPE_CHECKING:
    from tests.integration.ingest.inbox import Inbox

WRONG = ReelworksError(BAD_SIDECAR, "a.mp4.yml:1: titel: is not a key here", "Mend it.")


@pytest.fixture
def refused(inbox: Inbox, monkeypatch: pytest.MonkeyPatch) -> str:
    """A job that failed for its sidecar, which lies beside the source."""
    monkeypatch.setattr(workflows, "launch", inbox.published.append)
    inbox.keeping(on_failure="keep")
    path = inbox.put("a.mp4")
    write(path, "titel: The harbour\n")
    plain = Wishes(inbox.folder.profile, inbox.folder.priority, inbox.folder, sidecar=False)
    job_id = inbox.submit(path, plain).job_id
    assert finalise(inbox.ready, job_id, JobState.FAILED, error=WRONG)
    inbox.published.clear()
    return job_id


def write(path: Path, said: str) -> None:
    Path(f"{path}.yml").write_text(said)


def test_a_mended_sidecar_is_taken_account_of(inbox: Inbox, refused: str) -> None:
    said = "title: The harbour\nlanguage: de\npriority: 8\nprofile: slow\nmetadata: {year: 2024}\n"
    write(inbox.folder.path / "a.mp4", said)
    view = workflows.retry(refused)
    job = inbox.job(refused)
    assert (view.state, inbox.published) == ("queued", [refused])
    assert (job.title, job.language, job.priority) == ("The harbour", "deu", 8)
    assert (job.profile, job.tags) == ("slow", {"year": "2024"})


def test_what_its_folder_asks_of_workers_stays_unless_the_sidecar_asks_for_more(
    inbox: Inbox, refused: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    tagged = inbox.ready.settings.pipeline.model_copy(update={"tags": ("big-disk", "licensed")})
    monkeypatch.setitem(
        inbox.ready.__dict__, "settings", replace(inbox.ready.settings, pipeline=tagged)
    )
    folder = inbox.folder.model_copy(update={"needs": "big-disk"})
    path = inbox.put("b.mp4", "another clip")
    assert inbox.job(inbox.submit(path, Wishes.of(folder)).job_id).needs == "big-disk"
    write(path, "needs: licensed\n")
    job_id = inbox.submit(path, Wishes.of(folder)).job_id
    assert inbox.job(job_id).needs == "licensed"
    assert "restarted" in inbox.events(job_id), "a new sidecar is a new wish"
    write(inbox.folder.path / "a.mp4", "needs: licensed\n")
    workflows.retry(refused)
    assert inbox.job(refused).needs == "licensed"


def test_a_sidecar_that_is_gone_asks_for_nothing(inbox: Inbox, refused: str) -> None:
    Path(f"{inbox.folder.path / 'a.mp4'}.yml").unlink()
    workflows.retry(refused)
    assert (inbox.job(refused).title, inbox.published) == (None, [refused])


def test_a_sidecar_that_is_still_wrong_is_told_and_nothing_is_made(
    inbox: Inbox, refused: str
) -> None:
    with pytest.raises(ConfigurationError, match=r"a\.mp4\.yml:1: titel: is not a key here"):
        workflows.retry(refused)
    job = inbox.job(refused)
    assert (job.state, job.error_code) == (JobState.FAILED, BAD_SIDECAR)
    assert inbox.published == []


def test_a_profile_in_which_the_content_has_a_job_is_told(inbox: Inbox, refused: str) -> None:
    path = inbox.folder.path / "a.mp4"
    other = inbox.submit(path, Wishes("slow", 5, inbox.folder, sidecar=False)).job_id
    write(path, "profile: slow\n")
    with pytest.raises(WrongState, match=f"job {other[:8]} makes that already"):
        workflows.retry(refused)
    assert inbox.job(refused).state is JobState.FAILED
