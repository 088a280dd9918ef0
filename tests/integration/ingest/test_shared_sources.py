"""A source, or a copy of one, that two profiles work on is settled when neither needs it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pipeline.history import jobs
from pipeline.ingest.submit import Wishes
from pipeline.models import JobState
from pipeline.tasks.finalise import settle_job

if TYPE_CHECKING:
    from tests.integration.ingest.inbox import Inbox


def test_a_source_two_profiles_share_is_settled_when_neither_needs_it(inbox: Inbox) -> None:
    path = inbox.put("clip.mp4")
    first = inbox.submit(path)
    second = inbox.submit(path, Wishes("slow", 5, inbox.folder))
    assert (second.created, second.job_id == first.job_id) == (True, False)
    inbox.end(first.job_id, JobState.SUCCEEDED)
    assert path.exists()
    assert inbox.job(first.job_id).settled_at is None
    inbox.end(second.job_id, JobState.FAILED)
    settle_job(inbox.ready, first.job_id)
    settle_job(inbox.ready, second.job_id)
    archived = inbox.folder.archive / "clip.mp4"
    assert archived.exists()
    assert not path.exists()
    assert {inbox.job(one.job_id).source_path for one in (first, second)} == {str(archived)}
    with inbox.ready.db.read() as session:
        assert jobs.unsettled(session) == []


@pytest.mark.parametrize("slow_first", [True, False])
def test_a_copy_that_two_profiles_share_is_not_deleted_under_one_of_them(
    inbox: Inbox, slow_first: bool
) -> None:
    inbox.keeping(on_success="delete", duplicates="process")
    inbox.submit(inbox.put("first.mp4"))
    path = inbox.put("copy.mp4")
    wishes = [Wishes.of(inbox.folder), Wishes("slow", 5, inbox.folder)]
    made = [inbox.submit(path, one) for one in (wishes[::-1] if slow_first else wishes)]
    assert all(one.created for one in made)
    inbox.end(made[0].job_id, JobState.SUCCEEDED)
    assert path.exists(), "the other one still needs it"
    inbox.end(made[1].job_id, JobState.SUCCEEDED)
    for one in made:
        settle_job(inbox.ready, one.job_id)
    assert not path.exists()
    assert (inbox.folder.path / "first.mp4").exists()


@pytest.mark.parametrize("rule", ["delete", "archive"])
def test_a_copy_that_another_profile_works_on_stays_until_that_has_ended(
    inbox: Inbox, rule: str
) -> None:
    inbox.keeping(on_success=rule)
    first = inbox.submit(inbox.put("first.mp4"))
    copy = inbox.put("copy.mp4")
    second = inbox.submit(copy, Wishes("slow", 5, inbox.folder))
    assert second.created
    inbox.end(first.job_id, JobState.SUCCEEDED)
    inbox.submit(copy)
    inbox.scan()
    assert copy.exists()
    inbox.end(second.job_id, JobState.SUCCEEDED)
    settle_job(inbox.ready, second.job_id)
    assert not copy.exists()


def test_a_copy_that_was_found_meanwhile_is_looked_at_once_the_job_has_ended(inbox: Inbox) -> None:
    source, copy = inbox.put("first.mp4"), inbox.put("copy.mp4")
    first = inbox.submit(source)
    assert inbox.submit(copy).job_id == first.job_id
    assert not [told for told in inbox.sent if told[0] == "pipeline.look"]
    inbox.end(first.job_id, JobState.SUCCEEDED)
    assert [told for told in inbox.sent if told[0] == "pipeline.look"] == [
        ("pipeline.look", (str(copy),))
    ]
    inbox.submit(copy)  # what the look comes to
    assert not source.exists()
    assert not copy.exists()
    assert len(list(inbox.folder.archive.iterdir())) == 2


def test_a_source_another_profile_failed_on_is_not_deleted(inbox: Inbox) -> None:
    inbox.keeping(on_success="delete", on_failure="keep")
    path = inbox.put("clip.mp4")
    first = inbox.submit(path)
    second = inbox.submit(path, Wishes("slow", 5, inbox.folder))
    inbox.end(first.job_id, JobState.FAILED)
    inbox.end(second.job_id, JobState.SUCCEEDED)
    assert path.exists()
