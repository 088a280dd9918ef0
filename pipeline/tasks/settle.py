"""Settle: what follows a job's end, done by one at a time and never to another file or run."""

from __future__ import annotations

import logging
import shutil
import time
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.app import app, runtime
from pipeline.history import events, settling
from pipeline.history.fate import SourceFate
from pipeline.history.known import Identity
from pipeline.history.settling import SettlingLost
from pipeline.ingest import beside, source
from pipeline.ingest.source import NotTheSource, Rules, TakesTime
from pipeline.models import JobState
from pipeline.tasks.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipeline.app import Runtime
    from pipeline.models import Job

logger = logging.getLogger(__name__)

#: How often one who copies or reads a source says that it goes on, seconds.
BEAT_S = 5.0


@app.task(name="pipeline.settle", ignore_result=True)
def settle_at_leisure(job_id: str) -> None:
    """Settle a source that must be copied to another file system, or read to be recognised."""
    settle(runtime(), job_id, unhurried=True)


def settle(ready: Runtime, job_id: str, *, unhurried: bool) -> None:
    """Clean the ended job's working folder and put its source where it belongs, if that is due.

    A source that can't be moved now stays owed, and is tried again once the lease has lapsed.
    Raises `TakesTime`, unless `unhurried`, when the source must be copied or read.
    """
    owner = uuid.uuid4().hex
    with ready.db.begin() as session:
        job = settling.claim(session, job_id, owner)
        if job is None:
            return
        failed = job.state is not JobState.SUCCEEDED
        rules = Rules() if failed and settling.has_served(session, job) else Rules.of(job)
        aside = _set_aside(ready, job, owner)
    for folder in aside:
        shutil.rmtree(folder, ignore_errors=True)
    try:
        _settle(ready, job, rules, owner, _beating(ready, job_id, owner) if unhurried else None)
    except SettlingLost:
        logger.info("the source of job %s is settled by others", job_id)
    except TakesTime:
        with ready.db.begin() as session:
            settling.release(session, job_id, owner)
        raise
    except OSError as problem:
        logger.warning("the source of job %s stays where it is: %s", job_id, problem)
        with ready.db.begin() as session:
            message = f"the source could not be moved yet: {problem}"
            events.add(session, job_id, "source_stuck", message)


def _settle(
    ready: Runtime, job: Job, rules: Rules, owner: str, on_chunk: Callable[[], None] | None
) -> None:
    path, folder = Path(job.source_path), rules.folder(job.state)
    stays = not rules.deletes(job.state) and (folder is None or path.parent == folder)
    try:
        identity = source.check_is_source(job, on_chunk, stays=stays)
        if stays:
            return _leave(ready, job, owner, SourceFate.KEPT)
        if folder is not None:
            return _move(ready, job, owner, identity, source.put(path, identity, folder, on_chunk))
    except NotTheSource as why:
        return _leave(ready, job, owner, why.fate, str(why))
    except OSError as problem:
        if not stays:
            raise
        return _leave(ready, job, owner, None, f"the source can't be looked at: {problem}")
    with ready.db.begin() as session:
        settling.deleted(session, job.id, owner)
    if not source.take(path, identity, _marker(ready, path)):
        _not_deleted(ready, job)
    return None


def _not_deleted(ready: Runtime, job: Job) -> None:
    """Tell of a source that others replaced or took away in the last moment."""
    there = Path(job.source_path).exists()
    fate = SourceFate.REPLACED if there else SourceFate.GONE
    what = "is another file now: it stays" if there else "is gone"
    with ready.db.begin() as session:
        settling.not_deleted(session, job.id, fate, f"{job.source_path} {what}")


def _move(ready: Runtime, job: Job, owner: str, identity: Identity, made: Path) -> None:
    """Record the new place before the old one is given up: no moment has neither."""
    try:
        beside.bring_sidecar(Path(job.source_path), made)
        if job.state is not JobState.SUCCEEDED:
            beside.give_reason(job, made)
        with ready.db.begin() as session:
            settling.moved(session, job.id, owner, made, Identity.of(made.stat()))
    except BaseException:
        source.undo(made)
        raise
    path = Path(job.source_path)
    source.take(path, identity, _marker(ready, path))


def _marker(ready: Runtime, path: Path) -> str | None:
    folder = ready.settings.folder_for(path)
    return folder.marker if folder else None


def _leave(ready: Runtime, job: Job, owner: str, fate: SourceFate | None, why: str = "") -> None:
    with ready.db.begin() as session:
        settling.left(session, job.id, owner, fate, why)


def _set_aside(ready: Runtime, job: Job, owner: str) -> list[Path]:
    """Take the job's unfinished work away, so quickly that its row can be locked meanwhile.

    What a failed job has done stays for a `retry`, until `clean` finds it too old. Returns the
    folders that are still to be removed.
    """
    paths = ready.settings.pipeline.paths
    workspace = Workspace(paths.work, paths.library, job.id)
    if job.state is JobState.FAILED:
        workspace.discard_unfinished()
        return []
    workspace.discard_staging()
    if not workspace.folder.is_dir():
        return []
    aside = workspace.folder.with_name(f"{job.id}.{owner}")
    return [workspace.folder.rename(aside)]


def _beating(ready: Runtime, job_id: str, owner: str) -> Callable[[], None]:
    beaten_at = time.monotonic()

    def beat() -> None:
        nonlocal beaten_at
        if time.monotonic() - beaten_at < BEAT_S:
            return
        beaten_at = time.monotonic()
        with ready.db.begin() as session:
            settling.beat(session, job_id, owner)

    return beat
