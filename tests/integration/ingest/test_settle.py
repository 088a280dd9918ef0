"""Settling touches no file but the job's own, loses none, and is done by one at a time."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import update

from pipeline.app import app
from pipeline.history import jobs, settling
from pipeline.history.database import now
from pipeline.history.settling import SettlingLost
from pipeline.ingest import source
from pipeline.ingest.submit import Wishes
from pipeline.models import Job, JobState
from pipeline.tasks import settle
from pipeline.tasks.finalise import settle_job
from pipeline.tasks.settle import settle_at_leisure
from pipeline.tasks.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.integration.ingest.inbox import Inbox


def no_links(self: Path, target: Path) -> None:
    raise OSError(18, "Invalid cross-device link")


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []


def lapse(inbox: Inbox) -> None:
    with inbox.ready.db.begin() as session:
        past = now(session) - timedelta(seconds=1)
        session.execute(update(Job).values(settle_until=past))


@pytest.mark.parametrize(
    ("state", "rules"),
    [
        (JobState.SUCCEEDED, {"on_success": "archive"}),
        (JobState.SUCCEEDED, {"on_success": "delete"}),
        (JobState.FAILED, {"on_failure": "quarantine"}),
        (JobState.EXPIRED, {"on_failure": "quarantine"}),
    ],
)
@pytest.mark.parametrize("content", ["version two, longer", "two"])
def test_a_file_that_took_the_sources_place_stays(
    inbox: Inbox, state: JobState, rules: dict[str, str], content: str
) -> None:
    inbox.keeping(**rules)
    former = inbox.submit(inbox.put("clip.mp4", "one"))
    path = inbox.put("other.mp4", content).rename(inbox.folder.path / "clip.mp4")
    later = inbox.submit(path)
    assert inbox.superseded == [(former.job_id, "source_replaced")]
    inbox.end(former.job_id, state)
    for name, arguments in inbox.sent:
        assert name == "pipeline.settle"
        settle_at_leisure(*arguments)
    assert later.created
    assert path.read_text() == content
    assert names(inbox.folder.archive) == names(inbox.folder.quarantine) == []
    assert inbox.job(former.job_id).settled_at is not None
    assert "source_left" in inbox.events(former.job_id)
    assert inbox.job(later.job_id).source_path == str(path)


def test_one_who_held_the_source_before_the_clock_was_set_back_is_not_waited_for(
    inbox: Inbox,
) -> None:
    inbox.keeping(on_success="archive")
    submitted = inbox.submit(inbox.put("clip.mp4", "one"))
    with inbox.ready.db.begin() as session:
        later = now(session) + timedelta(hours=1)
        session.execute(update(Job).values(settle_owner="dead", settle_until=later))
    inbox.end(submitted.job_id, JobState.SUCCEEDED)
    assert inbox.job(submitted.job_id).settled_at is not None


def test_a_file_that_grew_after_it_was_submitted_stays_and_becomes_a_job_of_its_own(
    inbox: Inbox,
) -> None:
    path = inbox.put("clip.mp4", "the first half")
    early = inbox.submit(path)
    with path.open("a") as growing:
        growing.write(" and the second half")
    inbox.end(early.job_id, JobState.FAILED)
    assert path.read_text() == "the first half and the second half"
    assert inbox.scan() == [path]
    assert len(inbox.published) == 2
    assert inbox.job(inbox.published[1]).source_bytes == path.stat().st_size


def test_a_source_that_was_only_touched_is_read_and_settled(inbox: Inbox) -> None:
    path = inbox.put("clip.mp4", "whole")
    made = inbox.submit(path)
    os.utime(path, ns=(1, 1))
    inbox.end(made.job_id, JobState.SUCCEEDED)
    assert inbox.sent == [("pipeline.settle", (made.job_id,))]
    settle_at_leisure(made.job_id)
    assert names(inbox.folder.archive) == ["clip.mp4"]
    assert not path.exists()


def test_only_one_copies_a_source_however_often_the_reconciler_asks(
    inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = os.urandom(1000)
    path = inbox.put("clip.mp4")
    path.write_bytes(data)
    made = inbox.submit(path)
    unfinished: list[int] = []
    copy = source._copy_bytes

    def copy_while_others_ask(*arguments: object) -> None:
        settle_job(inbox.ready, made.job_id)
        settle_at_leisure(made.job_id)
        copy(*arguments)  # type: ignore[arg-type]
        unfinished.append(len(names(inbox.folder.archive)))
        settle_at_leisure(made.job_id)

    monkeypatch.setattr(Path, "hardlink_to", no_links)
    monkeypatch.setattr(source, "_copy_bytes", copy_while_others_ask)
    inbox.end(made.job_id, JobState.SUCCEEDED)
    settle_at_leisure(made.job_id)
    assert unfinished == [1]
    assert names(inbox.folder.archive) == ["clip.mp4"]
    assert (inbox.folder.archive / "clip.mp4").read_bytes() == data
    assert not path.exists()
    assert inbox.events(made.job_id).count("source_moved") == 1


def test_a_source_that_changes_while_it_is_copied_stays(
    inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = inbox.put("clip.mp4", "whole")
    made = inbox.submit(path)
    copy = source._copy_bytes

    def copy_while_it_grows(*arguments: object) -> None:
        copy(*arguments)  # type: ignore[arg-type]
        path.write_text("whole, and more")

    monkeypatch.setattr(Path, "hardlink_to", no_links)
    monkeypatch.setattr(source, "_copy_bytes", copy_while_it_grows)
    inbox.end(made.job_id, JobState.SUCCEEDED)
    settle_at_leisure(made.job_id)
    assert path.read_text() == "whole, and more"
    assert names(inbox.folder.archive) == []
    assert inbox.job(made.job_id).settled_at is not None


def test_a_retry_while_its_source_is_copied_keeps_the_source(
    inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = inbox.put("clip.mp4", "whole")
    made = inbox.submit(path)
    copy = source._copy_bytes

    def copy_while_it_is_retried(*arguments: object) -> None:
        copy(*arguments)  # type: ignore[arg-type]
        with inbox.ready.db.begin() as session:
            jobs.reopen(session, made.job_id, timedelta(hours=1), afresh=False)

    monkeypatch.setattr(Path, "hardlink_to", no_links)
    monkeypatch.setattr(source, "_copy_bytes", copy_while_it_is_retried)
    inbox.end(made.job_id, JobState.FAILED)
    settle_at_leisure(made.job_id)
    job = inbox.job(made.job_id)
    assert path.read_text() == "whole"
    assert names(inbox.folder.quarantine) == []
    assert (job.state, job.source_path, job.settled_at) == (JobState.QUEUED, str(path), None)


def test_a_job_retried_since_it_was_listed_keeps_its_work_and_is_not_settled(
    inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = inbox.submit(inbox.put("clip.mp4"))
    with monkeypatch.context() as patched:
        patched.setattr("pipeline.tasks.finalise.settle_job", lambda *_: None)
        inbox.end(made.job_id, JobState.EXPIRED)
    paths = inbox.ready.settings.pipeline.paths
    work = Workspace(paths.work, paths.library, made.job_id).folder
    work.mkdir(parents=True)
    with inbox.ready.db.begin() as session:
        jobs.reopen(session, made.job_id, timedelta(hours=1), afresh=False)
    settle_job(inbox.ready, made.job_id)
    assert work.is_dir()
    assert inbox.job(made.job_id).settled_at is None


def test_what_one_who_died_was_settling_is_settled_by_the_next_once_the_lease_lapsed(
    inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = inbox.put("clip.mp4", "whole")
    made = inbox.submit(path)
    with monkeypatch.context() as patched:
        patched.setattr(settle, "_settle", lambda *_: None)  # it dies before it does a thing
        inbox.end(made.job_id, JobState.SUCCEEDED)
    settle_job(inbox.ready, made.job_id)
    assert path.exists()
    lapse(inbox)
    settle_job(inbox.ready, made.job_id)
    assert names(inbox.folder.archive) == ["clip.mp4"]


def test_a_long_copy_keeps_its_lease_and_stops_when_it_is_lost(
    inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = inbox.submit(inbox.put("clip.mp4"))
    monkeypatch.setattr("pipeline.tasks.finalise.settle_job", lambda *_: None)
    inbox.end(made.job_id, JobState.SUCCEEDED)
    monkeypatch.setattr(settle, "BEAT_S", 0.0)
    with inbox.ready.db.begin() as session:
        assert settling.claim(session, made.job_id, "me") is not None
    lapse(inbox)
    beat = settle._beating(inbox.ready, made.job_id, "me")
    beat()
    with inbox.ready.db.begin() as session:
        assert settling.claim(session, made.job_id, "another") is None
    lapse(inbox)
    with inbox.ready.db.begin() as session:
        assert settling.claim(session, made.job_id, "another") is not None
    with pytest.raises(SettlingLost):
        beat()


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


def test_a_source_another_profile_failed_on_is_not_deleted(inbox: Inbox) -> None:
    inbox.keeping(on_success="delete", on_failure="keep")
    path = inbox.put("clip.mp4")
    first = inbox.submit(path)
    second = inbox.submit(path, Wishes("slow", 5, inbox.folder))
    inbox.end(first.job_id, JobState.FAILED)
    inbox.end(second.job_id, JobState.SUCCEEDED)
    assert path.exists()


def test_without_a_broker_a_source_to_be_copied_stays_owed(
    inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    from kombu.exceptions import OperationalError

    def unreachable(*_: object, **__: object) -> None:
        raise OperationalError("no broker")

    made = inbox.submit(inbox.put("clip.mp4"))
    monkeypatch.setattr(Path, "hardlink_to", no_links)
    monkeypatch.setattr(app, "send_task", unreachable)
    inbox.end(made.job_id, JobState.SUCCEEDED)
    with inbox.ready.db.read() as session:
        assert jobs.unsettled(session) == [made.job_id]


@pytest.fixture
def refuse(monkeypatch: pytest.MonkeyPatch) -> Callable[[Path], None]:
    """Say of a folder that nothing may be taken from it."""

    def make(folder: Path) -> None:
        real = os.access
        monkeypatch.setattr(os, "access", lambda path, mode: path != folder and real(path, mode))

    return make


def test_nothing_is_copied_from_a_folder_it_can_not_be_taken_from(
    inbox: Inbox, refuse: Callable[[Path], None]
) -> None:
    path = inbox.put("clip.mp4")
    made = inbox.submit(path)
    refuse(path.parent)
    inbox.end(made.job_id, JobState.SUCCEEDED)
    assert path.exists()
    assert names(inbox.folder.archive) == []
    assert "source_stuck" in inbox.events(made.job_id)
