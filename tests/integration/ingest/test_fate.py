"""What became of a source: kept, moved, deleted, gone, or replaced by another file."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest

from pipeline.history import jobs, settling
from pipeline.ingest import source
from pipeline.ingest.submit import Wishes
from pipeline.models import JobState
from pipeline.tasks.finalise import settle_job
from pipeline.tasks.settle import settle_at_leisure

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from tests.integration.ingest.inbox import Inbox


def fate(inbox: Inbox, job_id: str) -> tuple[str | None, bool]:
    """Give what the job's JSON says became of its source, and whether it says `deleted`."""
    with inbox.ready.db.read() as session:
        told = jobs.view(session, job_id).source
    return told.fate, told.deleted


@pytest.mark.parametrize("rule", ["keep", "archive", "delete"])
@pytest.mark.parametrize(
    ("happens", "told"),
    [("nothing", ""), ("removed", "gone"), ("renamed", "gone"), ("replaced", "replaced")],
)
def test_what_became_of_a_source_is_told(inbox: Inbox, rule: str, happens: str, told: str) -> None:
    inbox.keeping(on_success=rule)
    path = inbox.put("clip.mp4", "whole")
    made = inbox.submit(path)
    if happens == "removed":
        path.unlink()
    elif happens == "renamed":
        path.rename(path.with_name("renamed.mp4"))
    elif happens == "replaced":
        inbox.put(".other.mp4", "other").rename(path)
        os.utime(path, ns=(1, 1))
    inbox.end(made.job_id, JobState.SUCCEEDED)
    for name, arguments in inbox.sent:
        if name == "pipeline.settle":
            settle_at_leisure(*arguments)
    ours = {"keep": "kept", "archive": "moved", "delete": "deleted"}[rule]
    assert fate(inbox, made.job_id) == (told or ours, not told and rule == "delete")
    assert path.exists() is (happens == "replaced" or (not told and rule == "keep"))


@pytest.mark.parametrize("happens", ["removed", "replaced"])
def test_a_source_that_others_take_in_the_last_moment_is_not_said_to_be_deleted(
    inbox: Inbox, monkeypatch: pytest.MonkeyPatch, happens: str
) -> None:
    inbox.keeping(on_success="delete")
    path = inbox.put("clip.mp4", "whole")
    made = inbox.submit(path)
    deleted = settling.deleted

    def while_it_changes(session: Session, **told: Any) -> None:
        deleted(session, **told)
        path.unlink()
        if happens == "replaced":
            path.write_text("another")

    monkeypatch.setattr(settling, "deleted", while_it_changes)
    inbox.end(made.job_id, JobState.SUCCEEDED)
    expected = "gone" if happens == "removed" else "replaced"
    assert fate(inbox, made.job_id) == (expected, False)
    assert path.exists() is (happens == "replaced")
    assert inbox.events(made.job_id)[-1] == "source_left"


@pytest.mark.parametrize("rule", ["archive", "delete"])
def test_both_jobs_of_one_source_tell_what_became_of_it(inbox: Inbox, rule: str) -> None:
    inbox.keeping(on_success=rule)
    path = inbox.put("clip.mp4")
    both = [inbox.submit(path), inbox.submit(path, Wishes("slow", 5, inbox.folder))]
    for one in both:
        inbox.end(one.job_id, JobState.SUCCEEDED)
    for one in both:
        settle_job(inbox.ready, one.job_id)
    expected = ("moved", False) if rule == "archive" else ("deleted", True)
    assert [fate(inbox, one.job_id) for one in both] == [expected] * 2


def test_of_a_kept_source_that_can_not_be_looked_at_nothing_is_told(
    inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    inbox.keeping(on_success="keep")
    made = inbox.submit(inbox.put("clip.mp4"))

    def away(*_: object, **__: object) -> None:
        raise OSError(116, "Stale file handle")

    monkeypatch.setattr(source, "check_is_source", away)
    inbox.end(made.job_id, JobState.SUCCEEDED)
    assert fate(inbox, made.job_id) == (None, False)
    assert inbox.job(made.job_id).settled_at is not None
    assert "Stale file handle" in inbox.messages(made.job_id)[-1]
