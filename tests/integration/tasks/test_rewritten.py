"""A source that is written anew in its place, with size and time as before, is found out."""

from __future__ import annotations

import hashlib
import os
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select

from pipeline.history import jobs, known
from pipeline.history.database import Database
from pipeline.history.known import Identity
from pipeline.ingest import source
from pipeline.ingest.fingerprint import fingerprint
from pipeline.ingest.intake import create_new
from pipeline.ingest.source import NotTheSource, TakesTime, check_is_source
from pipeline.ingest.survey import survey
from pipeline.media import probe as reading
from pipeline.models import Job
from pipeline.tasks import control, ingest, origin, taking
from pipeline.tasks.origin import Origin
from pipeline.tasks.step import StepFailed
from tests.integration.ingest.inbox import Inbox
from tests.integration.tasks.journeys import age, attempts, do, submitted
from tests.system import eventually

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipeline.app import Runtime

pytestmark = pytest.mark.usefixtures("sent")
#: Longer ago than clocks are apart.
LATELY = timedelta(minutes=1)


def rewrite(path: Path, content: bytes | None = None) -> None:
    """Write other bytes of the same number into the file, and give it the time that it had."""
    was = path.stat()
    content = path.read_bytes()[::-1] if content is None else content
    with path.open("r+b") as file:
        file.write(content)
    os.utime(path, ns=(was.st_atime_ns, was.st_mtime_ns))
    found = path.stat()
    assert (found.st_size, found.st_mtime_ns, found.st_ino) == (
        was.st_size,
        was.st_mtime_ns,
        was.st_ino,
    )


@pytest.fixture
def job(ready: Runtime, new_job: Callable[..., Job], tmp_path: Path) -> Job:
    """A job of a clip that was submitted a minute ago."""
    job = submitted(tmp_path / "a.mp4", new_job)
    with ready.db.begin() as session:
        jobs.get(session, job.id).source_inode = (tmp_path / "a.mp4").stat().st_ino
    age(ready, job, LATELY)
    return job


@pytest.fixture
def readings(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The files whose content was read to compare it."""
    read: list[Path] = []

    def noted(path: Path) -> str:
        read.append(path)
        return fingerprint(path)

    monkeypatch.setattr(origin, "fingerprint", noted)
    origin._content.cache_clear()
    return read


def meanwhile(monkeypatch: pytest.MonkeyPatch, act: Callable[[], object]) -> None:
    """Have something happen once the source was probed, before that is written down."""
    read = reading.probe

    def probe(*arguments: Any, **options: Any) -> Any:
        found = read(*arguments, **options)
        act()
        return found

    monkeypatch.setattr(reading, "probe", probe)


def test_a_source_rewritten_before_it_is_read_fails_its_job(
    ready: Runtime, job: Job, tmp_path: Path
) -> None:
    rewrite(tmp_path / "a.mp4")
    with pytest.raises(StepFailed, match="its content is another one"):
        do(ready, job, "probe")
    assert attempts(ready, job, "probe") == [("failed", "source_changed")]


@pytest.fixture
def watched(ready: Runtime, new_job: Callable[..., Job]) -> Job:
    """A job of a clip in a watched folder, that was submitted a minute ago."""
    entry = ready.settings.pipeline.watch[0]
    path = entry.path / "a.mp4"
    job = submitted(path, new_job, profile=entry.profile)
    with ready.db.begin() as session:
        mine = jobs.get(session, job.id)
        mine.source_inode = path.stat().st_ino
        known.remember(session, path, entry.profile, Identity.of(path.stat()), mine)
    age(ready, job, LATELY)
    return job


def test_a_source_rewritten_in_a_watched_folder_is_taken_in_as_it_is_now_and_once(
    ready: Runtime, watched: Job, sent: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    launched: list[str] = []

    def launch(job_id: str) -> bool:
        launched.append(job_id)
        return True

    monkeypatch.setattr(taking, "launch", launch)
    path = Path(watched.source_path)
    rewrite(path)
    assert do(ready, watched, "probe") == "waits for its source"
    age(ready, watched, LATELY)
    control.reconcile()
    assert "pipeline.look" in sent
    eventually(lambda: ingest.look(str(path)) or launched, "the file to settle")
    ingest.look(str(path))
    assert launched == [watched.id]
    with ready.db.read() as session:
        mine = jobs.get(session, watched.id)
        assert (mine.fingerprint, mine.run, mine.held_at) == (fingerprint(path), 2, None)


def test_a_source_rewritten_while_it_is_read_fails_its_job(
    ready: Runtime, new_job: Callable[..., Job], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = submitted(tmp_path / "a.mp4", new_job)  # just now: clocks tell nothing
    meanwhile(monkeypatch, lambda: rewrite(tmp_path / "a.mp4"))
    with pytest.raises(StepFailed, match="its content is another one"):
        do(ready, job, "probe")
    with ready.db.read() as session:
        assert jobs.get(session, job.id).plan is None


def test_a_source_whose_rights_change_is_read_once_and_stays(
    ready: Runtime,
    job: Job,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    readings: list[Path],
) -> None:
    path = tmp_path / "a.mp4"
    meanwhile(monkeypatch, lambda: path.chmod(0o640))
    for kind in ("probe", "thumbnail", "rendition", "manifest"):
        assert do(ready, job, kind) == "done"
    # As it was made after its job, says its ctime; and as it is since.
    assert readings == [path, path]


def test_a_source_that_nobody_touches_is_not_read_again(
    ready: Runtime, new_job: Callable[..., Job], tmp_path: Path, readings: list[Path]
) -> None:
    job = submitted(tmp_path / "a.mp4", new_job)
    for kind in ("probe", "thumbnail", "rendition"):
        assert do(ready, job, kind) == "done"
    assert readings == []


def test_a_file_rewritten_since_is_not_deleted_for_the_source(
    ready: Runtime, job: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ready.db.read() as session:
        mine = jobs.get(session, job.id)
    with pytest.raises(TakesTime):
        check_is_source(mine)
    assert check_is_source(mine, lambda: None).inode == mine.source_inode
    assert check_is_source(mine, stays=True)
    rewrite(tmp_path / "a.mp4")
    with pytest.raises(NotTheSource, match="has other content now"):
        check_is_source(mine, lambda: None)
    # Of a share's clock nothing is known.
    monkeypatch.setattr("pipeline.ingest.changes.network_kind", lambda _: "NFS")
    assert source.check_is_source(mine)


@pytest.mark.parametrize("many", [False, True], ids=["one", "many"])
def test_a_file_rewritten_between_its_reading_and_its_job_is_not_taken_for_the_source(
    ready: Runtime, monkeypatch: pytest.MonkeyPatch, *, many: bool
) -> None:
    inbox = Inbox(ready)
    path, write = inbox.put("clip.mp4"), Database.write

    def rewrite_first(db: Database, act: Callable[..., Any], **how: bool) -> Any:
        if path.read_text() == "a clip":
            rewrite(path)
        return write(db, act, **how)

    monkeypatch.setattr(Database, "write", rewrite_first)
    if many:
        made, others = create_new(ready, inbox.folder, list(survey(inbox.folder)))
        assert (len(made), others) == (1, [])
    else:
        inbox.submit(path)
    with ready.db.read() as session:
        mine = session.scalars(select(Job)).one()
    assert not Origin.of(mine).is_same(path.stat())
    with pytest.raises(NotTheSource, match="has other content now"):
        check_is_source(mine, lambda: None)


def test_a_file_that_nobody_touched_is_taken_for_the_source_unread(ready: Runtime) -> None:
    inbox = Inbox(ready)
    made = inbox.submit(inbox.put("clip.mp4"))
    mine = inbox.job(made.job_id)
    assert mine.source_ctime_ns is not None
    assert check_is_source(mine).bytes == 6
    assert Origin.of(mine).is_same(Path(mine.source_path).stat())


def test_a_file_rewritten_while_its_content_is_read_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(bytes(3 << 20))
    after, left = b"x" * (3 << 20), [lambda: rewrite(path, after)]
    found = fingerprint(path, lambda: left.pop()() if left else None)
    assert found == hashlib.blake2b(after, digest_size=32).hexdigest()
