"""Settling touches no file but the job's own, loses none, and is done by one at a time."""

from __future__ import annotations

import errno
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
from pipeline.models import Job, JobState
from pipeline.tasks import settle
from pipeline.tasks.finalise import settle_job
from pipeline.tasks.settle import settle_at_leisure
from pipeline.tasks.workspace import Workspace
from tests.system import eventually

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.integration.ingest.inbox import Inbox


def no_links(self: Path, target: Path) -> None:
    raise OSError(18, "Invalid cross-device link")


def refused(*_: object, **__: object) -> None:
    raise OSError(errno.EROFS, os.strerror(errno.EROFS))


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


def test_what_a_disk_does_not_let_be_removed_now_is_removed_when_it_does(
    inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    inbox.keeping(on_failure="quarantine")
    path = inbox.put("clip.mp4", "one")
    made = inbox.submit(path)
    paths = inbox.ready.settings.pipeline.paths
    staging = Workspace(paths.work, paths.library, made.job_id).staging(1)
    staging.mkdir(parents=True)
    with monkeypatch.context() as refusing:
        refusing.setattr(os, "rmdir", refused)
        inbox.end(made.job_id, JobState.FAILED)
    assert (staging.exists(), path.exists()) == (True, True)
    assert inbox.job(made.job_id).settled_at is None
    settle_job(inbox.ready, made.job_id)
    assert (staging.exists(), path.exists()) == (False, False)
    assert "clip.mp4" in names(inbox.folder.quarantine)


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


def test_a_file_rewritten_so_that_only_its_content_tells_becomes_a_job_of_its_own(
    inbox: Inbox,
) -> None:
    path = inbox.put("clip.mp4", "the former")
    early, was = inbox.submit(path), path.stat()
    path.write_text("the latter")
    os.utime(path, ns=(was.st_atime_ns, was.st_mtime_ns))
    with inbox.ready.db.begin() as session:
        long_ago = now(session) - timedelta(minutes=1)
        session.execute(update(Job).values(created_at=long_ago))
    assert inbox.scan() == []
    inbox.end(early.job_id, JobState.SUCCEEDED)
    settle_at_leisure(early.job_id)
    assert inbox.job(early.job_id).source_fate == "replaced"
    assert ("pipeline.look", (str(path),)) in inbox.sent
    assert inbox.scan() == [path]
    assert len(inbox.published) == 2
    assert inbox.scan() == []


def test_what_one_who_was_killed_while_he_copied_left_is_removed_by_the_next(
    inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = inbox.submit(inbox.put("clip.mp4", "whole"))
    copy, left = source._copy_bytes, list[Path]()

    class Killed(BaseException):
        """What ends a process at once."""

    def copy_and_die(path: Path, unfinished: Path, on_chunk: Callable[[], object]) -> None:
        copy(path, unfinished, on_chunk)
        left.append(unfinished)
        patched.setattr(Path, "unlink", lambda *_, **__: None)  # he runs no more code
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(Path, "hardlink_to", no_links)
        patched.setattr(source, "_copy_bytes", copy_and_die)
        inbox.end(made.job_id, JobState.SUCCEEDED)
        with pytest.raises(Killed):
            settle_at_leisure(made.job_id)
    assert [path.name for path in left] == names(inbox.folder.archive)
    lapse(inbox)
    monkeypatch.setattr(Path, "hardlink_to", no_links)
    settle_at_leisure(made.job_id)
    assert names(inbox.folder.archive) == ["clip.mp4"]


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
        patched.setattr(settle, "_settle", lambda *_, **__: None)  # it dies before it does a thing
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
    monkeypatch.setattr(settle, "BEAT_S", 0.05)
    with inbox.ready.db.begin() as session:
        assert settling.claim(session, made.job_id, "me") is not None
    lapse(inbox)
    lapsed = inbox.job(made.job_id).settle_until

    def beaten() -> bool:
        until = inbox.job(made.job_id).settle_until
        return lapsed is not None and until is not None and until > lapsed

    with settle._held(inbox.ready, made.job_id, "me") as check:
        eventually(beaten, "a beat, though nothing was copied")
        check()
        with inbox.ready.db.begin() as session:
            assert settling.claim(session, made.job_id, "another") is None
        lost = update(Job).values(settle_owner="another")
        inbox.ready.db.write(lambda session: session.execute(lost))
        with pytest.raises(SettlingLost):
            eventually(check, "it to be lost")


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
