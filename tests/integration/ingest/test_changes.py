"""Sources that grow, are replaced, or get a sidecar, while their job works and afterwards."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from pipeline.history import again, steps
from pipeline.history.errors import LeaseLost
from pipeline.history.steps import Claim, Refusal
from pipeline.ingest.sidecar import LARGEST
from pipeline.ingest.submit import Submitted, Wishes
from pipeline.models import JobState
from pipeline.settings.errors import ConfigurationError
from pipeline.tasks.settle import settle_at_leisure

if TYPE_CHECKING:
    from pathlib import Path

    from tests.integration.ingest.inbox import Inbox


def probing(inbox: Inbox, job_id: str) -> Claim:
    with inbox.ready.db.begin() as session:
        claim = steps.claim(session, job_id, ("probe",), owner="node/1/task", limit=3)
    assert isinstance(claim, Claim)
    return claim


def grow(inbox: Inbox, name: str = "clip.mp4") -> None:
    with (inbox.folder.path / name).open("a") as writer:
        writer.write(" and more")


def test_a_file_that_grew_stops_its_job_and_begins_it_again(inbox: Inbox) -> None:
    path = inbox.put("clip.mp4")
    first = inbox.submit(path)
    claim = probing(inbox, first.job_id)
    grow(inbox)
    assert inbox.submit(path) == Submitted(first.job_id, created=False, restarted=True)
    with pytest.raises(LeaseLost), inbox.ready.db.begin() as session:
        steps.heartbeat(session, claim, 0.5)
    job = inbox.job(first.job_id)
    assert (job.state, job.run, job.source_bytes) == (JobState.QUEUED, 2, path.stat().st_size)
    assert inbox.published == [job.id, job.id]
    assert inbox.submit(path) == Submitted(first.job_id, created=False), "once"
    assert "restarted" in inbox.events(job.id)


def test_what_a_file_grew_into_may_have_a_job_already(inbox: Inbox) -> None:
    other = inbox.submit(inbox.put("other.mp4", "a clip and more"))
    path = inbox.put("clip.mp4")
    first = inbox.submit(path)
    grow(inbox)
    assert inbox.submit(path) == Submitted(other.job_id, created=False)
    assert inbox.superseded == [(first.job_id, "source_replaced")]


def test_a_held_job_waits_and_goes_on_with_the_whole_file(inbox: Inbox) -> None:
    path = inbox.put("clip.mp4")
    made = inbox.submit(path)
    with inbox.ready.db.begin() as session:
        again.hold(session, _claimed(inbox, made.job_id), "it grows")
    with inbox.ready.db.begin() as session:
        refused = steps.claim(session, made.job_id, ("probe",), owner="a/1/b", limit=3)
    assert refused is Refusal.UNWHOLE
    assert inbox.submit(path).restarted
    assert inbox.job(made.job_id).held_at is None
    probing(inbox, made.job_id)


def test_who_lost_its_steps_to_the_next_run_does_not_hold_that(inbox: Inbox) -> None:
    path = inbox.put("clip.mp4")
    made = inbox.submit(path)
    claim = _claimed(inbox, made.job_id)
    with path.open("a") as growing:
        growing.write(" and more")
    assert inbox.submit(path).restarted
    with inbox.ready.db.begin() as session:
        again.hold(session, claim, "clip.mp4 has changed")
    assert inbox.job(made.job_id).held_at is None


def _claimed(inbox: Inbox, job_id: str) -> Claim:
    return probing(inbox, job_id)


def test_a_scan_sees_that_a_file_its_job_waits_for_was_closed_as_it_was(inbox: Inbox) -> None:
    path = inbox.put("clip.mp4")
    made = inbox.submit(path)
    claim = probing(inbox, made.job_id)
    assert inbox.scan() == []
    with inbox.ready.db.begin() as session:
        again.hold(session, claim, "clip.mp4 is open for writing")
    assert inbox.scan() == [path]
    assert inbox.job(made.job_id).held_at is None
    assert inbox.published == [made.job_id, made.job_id]
    assert inbox.scan() == []


def test_a_file_that_grew_after_its_job_had_ended_is_made_again_by_the_same_job(
    inbox: Inbox,
) -> None:
    inbox.keeping(on_success="keep")
    path = inbox.put("clip.mp4")
    made = inbox.submit(path)
    inbox.end(made.job_id, JobState.SUCCEEDED)
    grow(inbox)
    assert inbox.submit(path) == Submitted(made.job_id, created=False, restarted=True)
    assert inbox.job(made.job_id).state is JobState.QUEUED


def test_a_cancelled_job_stays_so_when_its_file_grows_which_has_a_job_of_its_own(
    inbox: Inbox,
) -> None:
    path = inbox.put("clip.mp4")
    made = inbox.submit(path)
    inbox.end(made.job_id, JobState.CANCELLED)
    grow(inbox)
    assert inbox.submit(path).created
    assert (inbox.job(made.job_id).state, inbox.job(made.job_id).run) == (JobState.CANCELLED, 1)


def test_another_version_of_an_ended_jobs_source_is_a_job_of_its_own(inbox: Inbox) -> None:
    inbox.keeping(on_success="keep")
    path = inbox.put("clip.mp4")
    made = inbox.submit(path)
    inbox.end(made.job_id, JobState.SUCCEEDED)
    path.write_text("another film altogether")
    again = inbox.submit(path)
    assert again.created
    assert again.job_id != made.job_id
    assert inbox.superseded == []


def test_a_file_that_was_only_touched_goes_on(inbox: Inbox) -> None:
    path = inbox.put("clip.mp4")
    made = inbox.submit(path)
    path.touch()
    assert inbox.submit(path) == Submitted(made.job_id, created=False)
    assert inbox.job(made.job_id).run == 1


def test_copies_are_jobs_of_their_own_where_the_folder_says_so(inbox: Inbox) -> None:
    inbox.keeping(duplicates="process")
    path, copy = inbox.put("a.mp4"), inbox.put("b.mp4")
    first, second = inbox.submit(path), inbox.submit(copy)
    assert (first.created, second.created) == (True, True)
    assert first.job_id != second.job_id
    copy.touch()
    assert inbox.submit(copy) == Submitted(second.job_id, created=False)
    for made in (first, second):
        inbox.end(made.job_id, JobState.SUCCEEDED)
    for name, arguments in inbox.sent:
        if name == "pipeline.settle":
            settle_at_leisure(*arguments)
    assert sorted(one.name for one in inbox.folder.archive.iterdir()) == ["a.mp4", "b.mp4"]


def test_a_sidecar_comes_before_its_folder_and_after_what_somebody_names(inbox: Inbox) -> None:
    path = inbox.put("clip.mp4")
    inbox.put("clip.mp4.yml", "profile: slow\npriority: 9\nlanguage: deu\nmetadata: {artist: A}\n")
    job = inbox.job(inbox.submit(path).job_id)
    assert (job.profile, job.priority, job.language, job.tags) == (
        "slow",
        9,
        "deu",
        {"artist": "A"},
    )
    assert inbox.scan() == [], "it is known, though its profile is another one"


def test_a_wrong_sidecar_makes_no_job_and_loses_nothing(inbox: Inbox) -> None:
    path = inbox.put("clip.mp4")
    inbox.put("clip.mp4.yml", "profile: slwo\n")
    with pytest.raises(ConfigurationError, match=r"clip.mp4.yml:1: profile: is not in"):
        inbox.submit(path)
    assert path.exists()
    assert inbox.published == []


def test_a_sidecar_and_its_marker_go_with_their_file(inbox: Inbox) -> None:
    path = inbox.put("clip.mp4")
    inbox.put("clip.mp4.yml", "title: The film\n")
    made = inbox.submit(path)
    inbox.end(made.job_id, JobState.SUCCEEDED)
    assert (inbox.folder.archive / "clip.mp4.yml").read_text() == "title: The film\n"
    assert list(inbox.folder.path.iterdir()) == []


def test_a_sidecar_that_is_too_long_goes_with_its_file_as_it_is(inbox: Inbox) -> None:
    path = inbox.put("clip.mp4")
    made = inbox.submit(path)
    long = "# " + "x" * (2 * LARGEST)
    inbox.put("clip.mp4.yml", long)
    inbox.end(made.job_id, JobState.SUCCEEDED)
    assert (inbox.folder.archive / "clip.mp4.yml").read_text() == long


def test_of_a_link_somebody_named_the_file_itself_is_archived(inbox: Inbox, tmp_path: Path) -> None:
    film = tmp_path / "film.mp4"
    film.write_text("a film")
    link = inbox.folder.path / "clip.mp4"
    link.symlink_to(os.path.relpath(film, link.parent))
    made = inbox.submit(link, replace(Wishes.of(inbox.folder), by_hand=True))
    inbox.end(made.job_id, JobState.SUCCEEDED)
    archived = inbox.folder.archive / "clip.mp4"
    assert archived.read_text() == "a film"
    assert not archived.is_symlink()
    assert film.exists()
    assert not link.is_symlink()


def test_nothing_is_moved_while_somebody_writes_to_it(inbox: Inbox) -> None:
    path = inbox.put("clip.mp4")
    made = inbox.submit(path)
    with path.open("a"):
        inbox.end(made.job_id, JobState.SUCCEEDED)
    assert path.exists()
    assert "somebody has it open for writing" in " ".join(inbox.messages(made.job_id))
