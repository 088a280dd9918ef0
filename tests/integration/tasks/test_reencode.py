"""What is in the library is made again, with another profile or where its own has changed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select, update

from pipeline.history import jobs, pruning
from pipeline.history.database import now
from pipeline.models import Job, JobState
from pipeline.tasks import reencode as module
from pipeline.tasks.reencode import reencode

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipeline.app import Runtime


@pytest.fixture
def launched(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    ids: list[str] = []
    monkeypatch.setattr(module, "launch", ids.append)
    return ids


@pytest.fixture
def archived(ready: Runtime, new_job: Callable[..., Job], tmp_path: Path) -> Callable[[str], Job]:
    """A job that succeeded and whose source lies in the archive."""

    def make(name: str) -> Job:
        source = tmp_path / name
        source.write_text(name)
        stat = source.stat()
        job = new_job(
            source_path=str(source),
            source_bytes=stat.st_size,
            source_mtime_ns=stat.st_mtime_ns,
            profile="quick",
            library_subfolder="films",
            on_success="archive",
        )
        with ready.db.begin() as session:
            at = now(session)
            ended: dict[str, Any] = {"state": JobState.SUCCEEDED, "finished_at": at}
            session.execute(update(Job).where(Job.id == job.id).values(**ended, settled_at=at))
        return job

    return make


def made(ready: Runtime) -> list[Job]:
    with ready.db.read() as session:
        return list(session.scalars(select(Job).where(Job.profile == "slow")))


def test_each_source_gets_a_job_of_the_new_profile_once_and_stays_where_it_is(
    ready: Runtime, archived: Callable[[str], Job], launched: list[str]
) -> None:
    old = [archived(f"{number}.mp4") for number in range(3)]
    assert reencode(to="slow", profiles=("quick",), limit=2).facts["begun"] == 2
    assert [job.fingerprint for job in made(ready)] == [job.fingerprint for job in old[:2]]
    assert launched == [job.id for job in made(ready)]
    assert reencode(to="slow", limit=2).facts["begun"] == 1
    assert reencode(to="slow", limit=2).facts["begun"] == 0
    for job, source in zip(made(ready), old, strict=True):
        assert (job.source_path, job.on_success) == (source.source_path, "keep")
        assert (job.priority, job.library_subfolder) == (0, "films")
    assert reencode(to="slow", profiles=("other",)).facts["begun"] == 0


@pytest.mark.parametrize("to", ["slow", None])
def test_results_that_retention_removed_are_not_made_again(
    ready: Runtime,
    archived: Callable[[str], Job],
    launched: list[str],
    monkeypatch: pytest.MonkeyPatch,
    to: str | None,
) -> None:
    monkeypatch.setattr(module, "retry", launched.append)
    job = archived("a.mp4")
    with ready.db.begin() as session:
        pruning.outputs_removed(session, jobs.get(session, job.id, lock=True), "it is too old")
    assert reencode(to=to).facts["begun"] == 0
    assert launched == []


def test_a_source_that_is_gone_or_another_is_told_and_keeps_nobody_from_the_rest(
    ready: Runtime, archived: Callable[[str], Job], launched: list[str]
) -> None:
    gone, other, _whole = (archived(name) for name in ("gone", "other", "whole"))
    Path(gone.source_path).unlink()
    Path(other.source_path).write_text("something else")
    told = reencode(to="slow", limit=1)
    assert told.facts == {"begun": 1, "not_possible": 2}
    assert told.summary == "1 begun; 2 could not be, as their source is gone or another"


def test_without_another_profile_those_are_made_again_whose_own_has_changed(
    ready: Runtime, archived: Callable[[str], Job], launched: list[str], monkeypatch: Any
) -> None:
    job = archived("a.mp4")
    retried: list[str] = []
    monkeypatch.setattr(module, "retry", retried.append)
    assert reencode().facts["begun"] == 1
    assert retried == [job.id]
    assert launched == []
    assert reencode(older_than="1d").facts["begun"] == 0
    retried.clear()
    library = ready.settings.pipeline.paths.library
    library.mkdir(exist_ok=True)
    with ready.db.begin() as session:
        jobs.get(session, job.id).output_directory = str(library / "taken-away")
    assert reencode().facts["begun"] == 0
    assert retried == []
