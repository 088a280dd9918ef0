"""A job that is retried as the mover of its source was killed: it has one place after all."""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

import pytest

from pipeline.history import jobs
from pipeline.ingest.beside import reason_of
from pipeline.ingest.submit import Wishes
from pipeline.models import JobState
from tests.integration.ingest.movers import (
    LINKS,
    MOMENTS,
    end,
    killed_at,
    meanwhile,
    settle_all,
    without_links,
)
from tests.integration.ingest.test_settle import names

if TYPE_CHECKING:
    from tests.integration.ingest.inbox import Inbox

#: How the job ends then, the folder's entry for that, and where its source is at the end.
ENDS = {
    "archived": (JobState.SUCCEEDED, {}, "archive"),
    "kept": (JobState.SUCCEEDED, {"on_success": "keep"}, "path"),
    "deleted": (JobState.SUCCEEDED, {"on_success": "delete"}, None),
    "quarantined again": (JobState.FAILED, {}, "quarantine"),
    "cancelled": (JobState.CANCELLED, {}, "path"),
}


def retry(inbox: Inbox, job_id: str) -> None:
    with inbox.ready.db.begin() as session:
        jobs.reopen(session, job_id, timedelta(hours=1), afresh=True, rebuild=True)


def all_names(inbox: Inbox) -> dict[str, list[str]]:
    found = {place: names(getattr(inbox.folder, place)) for place in ("path", "archive")}
    found["quarantine"] = names(inbox.folder.quarantine)
    return {place: there for place, there in found.items() if there}


@pytest.mark.parametrize("how", LINKS)
@pytest.mark.parametrize("ends", ENDS)
@pytest.mark.parametrize("first", ["a scan", "its end"])
def test_what_a_killed_mover_had_put_elsewhere_goes_when_its_job_was_retried(
    inbox: Inbox, monkeypatch: pytest.MonkeyPatch, how: str, ends: str, first: str
) -> None:
    state, rules, place = ENDS[ends]
    inbox.keeping(**rules)
    made = inbox.submit(inbox.put("clip.mp4", "the source"))
    without_links(inbox, monkeypatch, how)
    moment = MOMENTS["before it was recorded"]
    killed_at(inbox, monkeypatch, moment, partial(end, inbox, made.job_id, JobState.FAILED))
    assert set(all_names(inbox)) == {"path", "quarantine"}
    retry(inbox, made.job_id)
    if first == "a scan":
        assert inbox.scan() == []
    inbox.end(made.job_id, state)
    settle_all(inbox, made.job_id)
    reason = [reason_of(inbox.folder.path / "clip.mp4").name] if place == "quarantine" else []
    assert all_names(inbox) == ({place: ["clip.mp4", *reason]} if place else {})
    assert inbox.job(made.job_id).settled_at is not None


@pytest.mark.parametrize("how", LINKS)
@pytest.mark.parametrize("moment", ["before it was taken away", "before it was told that it was"])
def test_what_a_killed_mover_had_recorded_is_gone_on_with_when_its_job_was_retried(
    inbox: Inbox, monkeypatch: pytest.MonkeyPatch, how: str, moment: str
) -> None:
    made = inbox.submit(inbox.put("clip.mp4", "the source"))
    without_links(inbox, monkeypatch, how)
    at = next(found for name, found in MOMENTS.items() if name.startswith(moment))
    killed_at(inbox, monkeypatch, at, partial(end, inbox, made.job_id, JobState.FAILED))
    retry(inbox, made.job_id)
    inbox.scan()
    inbox.end(made.job_id, JobState.SUCCEEDED)
    settle_all(inbox, made.job_id)
    assert all_names(inbox) == {"archive": ["clip.mp4"]}


@pytest.mark.parametrize("how", LINKS)
def test_what_another_job_has_there_stays_also_when_it_is_just_the_same(
    inbox: Inbox, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    path = inbox.put("clip.mp4", "the source")
    theirs = inbox.put("other.mp4", "the source").rename(path.with_name("clip.mov"))
    shutil.copystat(path, theirs)
    other = inbox.submit(theirs, replace(Wishes.of(inbox.folder), profile="slow"))
    made = inbox.submit(path)
    end(inbox, other.job_id, JobState.FAILED)
    moved = (inbox.folder.quarantine / "clip.mov").rename(inbox.folder.quarantine / "clip.mp4")
    with inbox.ready.db.begin() as session:
        jobs.get(session, other.job_id).source_path = str(moved)
    without_links(inbox, monkeypatch, how)
    moment = MOMENTS["before it was recorded"]
    killed_at(inbox, monkeypatch, moment, partial(end, inbox, made.job_id, JobState.FAILED))
    retry(inbox, made.job_id)
    inbox.end(made.job_id, JobState.CANCELLED)
    settle_all(inbox, made.job_id)
    assert moved.read_text() == "the source"
    assert path.read_text() == "the source"


@pytest.mark.parametrize("how", LINKS)
def test_a_mover_that_was_paused_while_its_job_was_retried_and_ended_puts_nothing_more_there(
    inbox: Inbox, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    path = inbox.put("clip.mp4", "the source")
    made = inbox.submit(path)
    without_links(inbox, monkeypatch, how)

    def retry_and_succeed() -> None:
        retry(inbox, made.job_id)
        inbox.end(made.job_id, JobState.SUCCEEDED)
        settle_all(inbox, made.job_id)

    meanwhile(monkeypatch, retry_and_succeed)
    end(inbox, made.job_id, JobState.FAILED)
    settle_all(inbox, made.job_id)
    assert all_names(inbox) == {"archive": ["clip.mp4"]}
    assert inbox.job(made.job_id).source_fate == "moved"


@pytest.mark.parametrize("retried", [False, True])
@pytest.mark.parametrize("source", ["a link to it", "a copy of it"])
def test_a_file_that_was_in_the_archive_before_the_job_stays_there(
    inbox: Inbox, monkeypatch: pytest.MonkeyPatch, source: str, *, retried: bool
) -> None:
    theirs = inbox.folder.archive / "clip.mp4"
    theirs.parent.mkdir(parents=True)
    inbox.put("clip.mp4", "the source").rename(theirs)
    path = inbox.folder.path / "clip.mp4"
    if source == "a link to it":
        path.symlink_to(theirs)
    else:
        shutil.copy2(theirs, path)
    made = inbox.submit(path, replace(Wishes.of(inbox.folder), by_hand=True))
    moment = MOMENTS["before it was recorded"]
    killed_at(inbox, monkeypatch, moment, partial(end, inbox, made.job_id, JobState.FAILED))
    if retried:
        retry(inbox, made.job_id)
        inbox.end(made.job_id, JobState.FAILED)
    settle_all(inbox, made.job_id)
    assert theirs.read_text() == "the source"
    assert (inbox.folder.quarantine / "clip.mp4").read_text() == "the source"
