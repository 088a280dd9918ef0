"""Settle: what follows a job's end, done by one at a time and never to another file or run."""

from __future__ import annotations

import logging
import os
import shutil
import uuid
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.app import app, runtime
from pipeline.history import jobs, known, settling
from pipeline.history.errors import DatabaseFull
from pipeline.history.fate import SourceFate
from pipeline.history.known import Identity
from pipeline.history.settling import SettlingLost
from pipeline.ingest import source
from pipeline.ingest.leaving import take_former
from pipeline.ingest.rules import Rules
from pipeline.ingest.source import NotTheSource, Put, TakesTime
from pipeline.models import JobState
from pipeline.plan.names import output_folder
from pipeline.tasks.explain import AWAY
from pipeline.tasks.former import put_former_back
from pipeline.tasks.heartbeat import beating
from pipeline.tasks.resumption import send_look
from pipeline.tasks.workspace import STAGING, Workspace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sqlalchemy.orm import Session

    from pipeline.app import Runtime
    from pipeline.models import Job

logger = logging.getLogger(__name__)

#: How often one who settles a source says that it goes on, seconds.
BEAT_S = 5.0


@app.task(name="pipeline.settle", ignore_result=True, throws=(DatabaseFull,))
def settle_at_leisure(job_id: str) -> None:
    """Settle a source that must be copied to another file system, or read to be recognised."""
    settle(runtime(), job_id, unhurried=True)


def settle(ready: Runtime, job_id: str, *, unhurried: bool) -> None:
    """Clean the ended job's working folder and put its source where it belongs, if that is due.

    A source that can't be moved now stays owed, and is tried again once the lease has lapsed.
    Raises `TakesTime`, unless `unhurried`, when the source must be copied or read.
    """
    owner = uuid.uuid4().hex
    try:
        claimed = _claim(ready, job_id, owner)
    except OSError as problem:
        logger.warning("the work of job %s can't be removed yet: %s", job_id, problem)
        return
    if claimed is None:
        return
    job, rules, aside, died = claimed
    try:
        with _held(ready, job_id, owner) as check:
            for folder in aside:
                shutil.rmtree(folder, ignore_errors=True)
            if died or unhurried:
                _discard_unfinished(job)
            if died and job.run > 1:
                _discard_elsewhere(ready, job, rules, check if unhurried else None)
            _settle(ready, job, rules, owner, check if unhurried else None, died=died)
    except SettlingLost:
        logger.info("the source of job %s is settled by others", job_id)
    except TakesTime:
        ready.db.write(partial(settling.release, job_id=job_id, owner=owner, died=died))
        raise
    except OSError as problem:
        logger.warning("the source of job %s stays where it is: %s", job_id, problem)
        why = str(problem)
        with suppress(SettlingLost):
            ready.db.write(partial(settling.stuck, job_id=job_id, owner=owner, why=why))
    else:
        _look_at_copies(ready, job_id)


def _look_at_copies(ready: Runtime, job_id: str) -> None:
    """Have further copies of the source go where their folders say: they waited for the end."""
    with ready.db.read() as session:
        own, places = jobs.get(session, job_id).source_path, known.places(session, job_id)
    for place in places:
        if place != own and os.path.lexists(place) and ready.settings.folder_for(Path(place)):
            send_look(place)


def _claim(ready: Runtime, job_id: str, owner: str) -> tuple[Job, Rules, list[Path], bool] | None:
    """Take on the settling, and the job's work away; None when it is not due.

    The last that it gives is whether somebody before did not come to the end of it. Raises
    `OSError`, and nothing is taken on, when a disk refuses: all is tried again.
    """

    def act(session: Session) -> tuple[Job, Rules, list[Path], bool] | None:
        died = jobs.get(session, job_id).settle_owner is not None
        job = settling.claim(session, job_id, owner)
        if job is None:
            return None
        failed = job.state is not JobState.SUCCEEDED
        rules = Rules() if failed and settling.has_served(session, job) else Rules.of(job)
        # What was renamed away once, where this is done again, is found there.
        return job, rules, _set_aside(ready, job, owner), died

    # On the disk, as the job's end is with it, before work and source are taken away: should the
    # power fail, a job that would not know its end could find neither.
    return ready.db.write(act, durable=True)


def _settle(
    ready: Runtime,
    job: Job,
    rules: Rules,
    owner: str,
    on_chunk: Callable[[], None] | None,
    *,
    died: bool,
) -> None:
    path, folder = Path(job.source_path), rules.folder(job.state)
    stays = not rules.deletes(job.state) and (folder is None or source.lies_in(path, folder))
    taken = take_former(job, partial(_marker, ready))
    try:
        identity = source.check_is_source(job, on_chunk, stays=stays)
        if stays and not taken:
            return ready.db.write(partial(settling.taken_by_others, job_id=job.id, owner=owner))
        if stays:
            return _leave(ready, job, owner, SourceFate.KEPT)
        if folder is not None:
            return _move(ready, job, owner, identity, source.put(path, identity, folder, on_chunk))
    except NotTheSource as why:
        # A copy is the source only where somebody had begun to move that.
        is_anothers = partial(_is_anothers, ready, job) if died else None
        if folder and (made := source.arrived(job, folder, is_anothers, on_chunk)) is not None:
            return _has_moved(ready, job, owner, made)
        if why.fate is SourceFate.REPLACED:
            return _leave_other(ready, job, owner, str(why))
        return _leave(ready, job, owner, why.fate, str(why))
    except OSError as problem:
        if not stays:
            raise
        return _leave(ready, job, owner, None, f"the source can't be looked at: {problem}")
    ready.db.write(partial(settling.deleted, job_id=job.id, owner=owner), durable=True)
    if not source.take(path, identity, _marker(ready, path)):
        _not_deleted(ready, job)
    return None


def _not_deleted(ready: Runtime, job: Job) -> None:
    """Tell of a source that others replaced or took away in the last moment."""
    there = Path(job.source_path).exists()
    fate = SourceFate.REPLACED if there else SourceFate.GONE
    what = "is another file now: it stays" if there else "is gone"
    why = f"{job.source_path} {what}"
    ready.db.write(lambda session: settling.not_deleted(session, job.id, fate, why))


def _move(ready: Runtime, job: Job, owner: str, identity: Identity, put: Put) -> None:
    """Record the new place before the old one is given up: no moment has neither."""
    path, made = Path(job.source_path), put.path
    try:
        source.arrive(job, path, identity, put)
        record = partial(settling.moved, job_id=job.id, owner=owner, former=identity, path=made)
        ready.db.write(partial(record, there=Identity.of(made.stat())), durable=True)
    except AWAY:
        raise  # it may be recorded: who settles it again finds it there
    except BaseException:
        ready.db.write(partial(_undo, job_id=job.id, owner=owner, put=put))
        raise
    source.take(path, identity, _marker(ready, path))
    ready.db.write(partial(settling.taken, job_id=job.id, owner=owner))


def _is_anothers(ready: Runtime, job: Job, path: Path) -> bool:
    with ready.db.read() as session:
        return settling.has_another(session, path, job)


def _has_moved(ready: Runtime, job: Job, owner: str, made: Path) -> None:
    """Record where somebody put the source who was killed; its former place is others' now."""
    source.explain(job, made)
    there = Identity.of(made.stat())
    was = source.as_submitted(job)
    record = partial(settling.moved, job_id=job.id, owner=owner, former=was, path=made)
    ready.db.write(partial(record, there=there), durable=True)
    ready.db.write(partial(settling.taken_by_others, job_id=job.id, owner=owner))


def _undo(session: Session, job_id: str, owner: str, put: Put) -> None:
    """Remove what was put in a new place, unless somebody else goes on with it there."""
    if settling.is_alone(session, job_id, owner):
        source.undo(put)


def _discard_unfinished(job: Job) -> None:
    """Remove what somebody who was killed had not copied to the end."""
    for folder in (job.archive_to, job.quarantine_to):
        if folder is not None:
            source.discard_unfinished(Path(job.source_path), Path(folder))


def _discard_elsewhere(
    ready: Runtime, job: Job, rules: Rules, on_chunk: Callable[[], None] | None
) -> None:
    """Remove what somebody who did not come to the end had put where the source does not go now.

    For the job may have been retried meanwhile, and have ended otherwise.
    """
    is_anothers = partial(_is_anothers, ready, job)
    now = rules.folder(job.state)
    for folder in (job.archive_to, job.quarantine_to):
        if folder is not None and Path(folder) != now:
            source.discard_put(job, Path(folder), is_anothers, on_chunk)


def _marker(ready: Runtime, path: Path) -> str | None:
    folder = ready.settings.folder_for(path)
    return folder.marker if folder else None


def _leave(ready: Runtime, job: Job, owner: str, fate: SourceFate | None, why: str = "") -> None:
    ready.db.write(lambda session: settling.left(session, job.id, owner, fate, why))


def _leave_other(ready: Runtime, job: Job, owner: str, why: str) -> None:
    """Leave what lies at the source's place, and have it taken in where nobody could see that."""
    there = Identity.of(os.lstat(job.source_path))

    def act(session: Session) -> bool:
        return settling.replaced(session, job.id, owner, there, why)

    if ready.db.write(act):
        send_look(job.source_path)


def _set_aside(ready: Runtime, job: Job, owner: str) -> list[Path]:
    """Take the job's unfinished work away, so quickly that its row can be locked meanwhile.

    What a failed job has done stays for a `retry`, until `clean` finds it too old. Returns the
    folders that are still to be removed.
    """
    paths = ready.settings.pipeline.paths
    workspace = Workspace(paths.work, paths.library, job.id)
    if job.state is not JobState.SUCCEEDED:
        put_former_back(job, workspace)
    if job.state is JobState.FAILED:
        workspace.discard_unfinished()
    else:
        workspace.discard_staging()
        if workspace.folder.is_dir():
            workspace.folder.rename(workspace.folder.with_name(f"{job.id}.{owner}"))
    # With what somebody had taken away before, and was killed before he had removed it.
    return [*workspace.aside(), *_unrecorded(job, workspace, owner)]


def _unrecorded(job: Job, workspace: Workspace, owner: str) -> list[Path]:
    """Take an output folder back that had appeared when whoever made it was killed.

    Had the job gone on, the next attempt had put its own there; now nobody knows of it.
    """
    name = output_folder(Path(job.original_path).stem, job.id)
    folder = workspace.library / job.library_subfolder / name
    if job.output_directory is not None or folder.is_symlink() or not folder.is_dir():
        return []
    aside = workspace.library / STAGING / f"{job.id}.{owner}"
    aside.parent.mkdir(exist_ok=True)
    return [folder.rename(aside)]


@contextmanager
def _held(ready: Runtime, job_id: str, owner: str) -> Iterator[Callable[[], None]]:
    """Show, until the block ends, that the settling goes on, also while a disk keeps it long.

    Gives what raises `SettlingLost` once somebody else has taken it on.
    """

    def beat() -> bool:
        try:
            ready.db.write(partial(settling.beat, job_id=job_id, owner=owner))
        except SettlingLost:
            return False
        return True

    with beating(beat, f"settling job {job_id}", BEAT_S) as lost:

        def check() -> None:
            if lost.is_set():
                raise SettlingLost(job_id)

        yield check
