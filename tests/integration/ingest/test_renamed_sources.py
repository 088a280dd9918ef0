"""A source that others rename or take away, as its mover is killed, is there once."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pytest

from pipeline.history.fate import SourceFate
from pipeline.models import JobState
from tests.integration.ingest.movers import (
    EVERY_DEATH,
    MOMENTS,
    Death,
    die,
    end,
    killed_at,
    moved_to,
    settle_all,
    without_links,
)
from tests.integration.ingest.test_settle import names

if TYPE_CHECKING:
    from tests.integration.ingest.inbox import Inbox


@pytest.mark.parametrize("then", ["renamed", "replaced", "removed"])
def test_a_source_that_others_take_away_after_its_mover_was_killed_has_moved(
    inbox: Inbox, monkeypatch: pytest.MonkeyPatch, then: str
) -> None:
    path = inbox.put("clip.mp4", "the source")
    made = inbox.submit(path)
    succeeded = partial(end, inbox, made.job_id, JobState.SUCCEEDED)
    killed_at(inbox, monkeypatch, MOMENTS["before it was recorded"], succeeded)
    path.rename(path.with_name("renamed.mp4"))
    if then == "replaced":
        path.with_name("renamed.mp4").unlink()
        inbox.submit(inbox.put("clip.mp4", "another"))
    if then == "removed":
        path.with_name("renamed.mp4").unlink()
    inbox.scan()
    settle_all(inbox, made.job_id)
    job, archived = inbox.job(made.job_id), inbox.folder.archive / "clip.mp4"
    assert (job.source_path, job.source_fate) == (str(archived), SourceFate.MOVED)
    inbox.scan()
    assert names(inbox.folder.archive) == ["clip.mp4"]
    assert names(inbox.folder.path) == (["clip.mp4"] if then == "replaced" else [])


@EVERY_DEATH
def test_a_source_that_is_renamed_after_its_mover_was_killed_is_there_once(
    inbox: Inbox, monkeypatch: pytest.MonkeyPatch, death: Death
) -> None:
    path, job_id, folder = die(inbox, monkeypatch, death)
    if path.exists():
        path.rename(path.with_name("renamed.mp4"))
    if death.first == "a scan":
        inbox.scan()
    settle_all(inbox, job_id)
    inbox.scan()
    assert (names(inbox.folder.path), moved_to(folder)) == ([], ["clip.mp4"])
    assert (folder / "clip.mp4").read_text() == "the source"
    assert (inbox.published, inbox.rerun) == ([job_id], [])
    assert inbox.job(job_id).source_path == str(folder / "clip.mp4")


def test_a_source_that_is_renamed_there_and_back_after_its_mover_was_killed_is_there_once(
    inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = inbox.put("clip.mp4", "the source")
    made = inbox.submit(path)
    without_links(inbox, monkeypatch, "by a copy")
    succeeded = partial(end, inbox, made.job_id, JobState.SUCCEEDED)
    killed_at(inbox, monkeypatch, MOMENTS["before it was recorded"], succeeded)
    renamed = path.rename(path.with_name("renamed.mp4"))
    settle_all(inbox, made.job_id)
    renamed.rename(path)
    inbox.scan()
    assert (names(inbox.folder.path), names(inbox.folder.archive)) == ([], ["clip.mp4"])


def test_a_source_that_is_taken_out_of_quarantine_by_a_new_name_is_tried_again(
    inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = inbox.put("clip.mp4", "the source")
    made = inbox.submit(path)
    failed = partial(end, inbox, made.job_id, JobState.FAILED)
    killed_at(inbox, monkeypatch, MOMENTS["before it was recorded"], failed)
    path.unlink()
    settle_all(inbox, made.job_id)
    (inbox.folder.quarantine / "clip.mp4").rename(path.with_name("again.mp4"))
    inbox.scan()
    assert inbox.rerun == [made.job_id]
    assert names(inbox.folder.path) == ["again.mp4"]
