"""A server that undoes every transaction the first time costs no try, and nothing is done twice."""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import update
from sqlalchemy.exc import OperationalError

from pipeline.alerts.outbox import drain
from pipeline.history import database, events, jobs
from pipeline.history.database import Database, now
from pipeline.models import Job
from pipeline.settings.retention import Retention
from pipeline.tasks.digest import digest
from pipeline.tasks.retention import retain
from pipeline.tasks.settle import settle_at_leisure
from tests.integration.tasks.journeys import attempts, do, rows, submitted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sqlalchemy.orm import Session

    from pipeline.app import Runtime
    from pipeline.settings.notifications import Channel

pytestmark = pytest.mark.usefixtures("sent")
DAY = timedelta(days=1)


@pytest.fixture
def undoing(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Have every second transaction undone at its end, beginning with the next one."""
    turns: list[int] = []
    begin = Database.begin
    problem = sqlite3.OperationalError("deadlock detected")
    problem.sqlstate = "40P01"  # type: ignore[attr-defined]

    @contextmanager
    def undone(db: Database, *, durable: bool = False) -> Iterator[Session]:
        with begin(db, durable=durable) as session:
            yield session
            turns.append(1)
            if len(turns) % 2:
                session.flush()
                raise OperationalError("COMMIT", {}, problem)

    monkeypatch.setattr(database, "AGAIN_S", 0.0)
    monkeypatch.setattr(Database, "begin", undone)
    return turns


def test_a_job_goes_from_its_file_to_its_alerts_and_is_removed_again(
    ready: Runtime, new_job: Callable[..., Job], tmp_path: Path, undoing: list[int]
) -> None:
    undoing.append(1)  # it is made without
    archive = tmp_path / "archive"
    job = submitted(tmp_path / "a.mp4", new_job, on_success="archive", archive_to=str(archive))
    undoing.clear()
    for kind in ("probe", "thumbnail", "rendition", "manifest"):
        assert do(ready, job, kind) == "done"
    settle_at_leisure(job.id)
    names = [step.name for step in rows(ready, job)]
    assert {name: attempts(ready, job, name) for name in names} == {
        name: [("done", None)] for name in names
    }
    ended = _ended(ready, job)
    folder = Path(ended.output_directory or "")
    assert (ended.state, (folder / "job.json").is_file()) == ("succeeded", True)
    assert [path.name for path in archive.iterdir()] == ["a.mp4"]
    assert not (tmp_path / "a.mp4").exists()
    _tells_once(ready, job)
    _goes(ready, job, folder)


def _ended(ready: Runtime, job: Job) -> Job:
    with ready.db.read() as session:
        return jobs.get(session, job.id)


def _tells_once(ready: Runtime, job: Job) -> None:
    heard: list[str] = []

    def hear(_name: str, _channel: Channel, message: Any) -> None:
        heard.append(message.title)

    assert digest(("hook",)).facts["channels"] == 1
    for _ in range(3):
        drain(ready.db, ready.settings, sender=hear)
    assert len(heard) == 2
    assert heard[0] == "a.mp4 is ready"
    with ready.db.read() as session:
        kinds = [one.kind for one in events.since(session, job.id)]
    assert [kinds.count(kind) for kind in ("succeeded", "source_moved", "alerted")] == [1, 1, 1]


def _goes(ready: Runtime, job: Job, folder: Path) -> None:
    def long_ago(session: Session) -> None:
        session.execute(update(Job).values(finished_at=now(session) - 2 * DAY))

    ready.db.write(long_ago)
    rules = Retention.model_validate({"outputs": {"older_than": "1d"}})
    assert [one.job for one in retain(ready, rules)] == [job.id]
    assert not folder.exists()
    assert _ended(ready, job).outputs_removed_at is not None
