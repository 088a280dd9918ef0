"""Removing: take away what nobody needs any more, and nothing else.

A folder is first renamed aside, in one step, while the row of its job is locked and says that it
may go; only then are its files deleted. Whoever needs it meanwhile finds it gone, and never half.
"""

from __future__ import annotations

import json
import logging
import os
import re
import shutil
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.history import jobs, pruning
from pipeline.history.errors import JobNotFound
from pipeline.tasks.exchange import ASIDE, put_back
from pipeline.tasks.workspace import STAGING

if TYPE_CHECKING:
    from collections.abc import Collection

    from sqlalchemy.orm import Session

    from pipeline.app import Runtime
    from pipeline.models import Job

logger = logging.getLogger(__name__)

#: Folders of jobs, below work and in staging: the job's id, and perhaps more behind a dot.
_OF_A_JOB = re.compile(r"([0-9a-f]{32})(\..*)?")


class Kept(Exception):
    """It must stay, for the reason in the text."""


@dataclass(frozen=True)
class Measured:
    """How much is in a folder, and when anything in it was last changed (seconds since 1970)."""

    bytes: int
    changed_s: float


def measure(folder: Path) -> Measured:
    """Walk a folder, without following links; what goes away or can't be read counts nothing."""
    size, changed_s = 0, 0.0
    waiting = [folder]
    while waiting:
        try:
            at = waiting.pop()
            changed_s = max(changed_s, at.lstat().st_mtime)
            with os.scandir(at) as entries:
                for entry in entries:
                    stat = entry.stat(follow_symlinks=False)
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(Path(entry.path))
                    else:
                        size += stat.st_blocks * 512
                        changed_s = max(changed_s, stat.st_mtime)
        except OSError:
            continue
    return Measured(size, changed_s)


def check_outputs(ready: Runtime, job: Job, sources: Collection[str]) -> Path | None:
    """Give the folder of a job's results, if it may be removed; None when it is not there.

    `sources` are all sources that lie in the library. Raises `Kept`.
    """
    paths = ready.settings.pipeline.paths
    if not job.state.terminal or job.output_directory is None:
        raise Kept(f"the job is {job.state.value}")
    if job.outputs_removed_at is not None:
        raise Kept("its results were removed before")
    folder, library = Path(os.path.normpath(job.output_directory)), paths.library
    if not library.is_dir():
        raise Kept(f"the library {library} is not there")
    _check_inside(folder, library)
    if any(Path(source).is_relative_to(folder) for source in sources):
        raise Kept(f"a source lies in {folder}")
    for ours in _folders(ready):
        if ours.is_relative_to(folder):
            raise Kept(f"{ours} lies in {folder}")
    if not os.path.lexists(folder):
        return None
    if folder.is_symlink() or not folder.is_dir():
        raise Kept(f"{folder} is not a folder")
    _check_is_of(job, folder)
    return folder


def _check_inside(folder: Path, library: Path) -> None:
    real, root = Path(os.path.realpath(folder.parent)), Path(os.path.realpath(library))
    below = folder.relative_to(library).parts if folder.is_relative_to(library) else ()
    if not below or not real.is_relative_to(root) or any(part.startswith(".") for part in below):
        raise Kept(f"{folder} is not a folder of the library {library}")


def _folders(ready: Runtime) -> list[Path]:
    """List the folders that hold what is no result."""
    pipeline = ready.settings.pipeline
    watched = [
        folder for one in pipeline.watch for folder in (one.path, one.archive, one.quarantine)
    ]
    return [pipeline.paths.library, pipeline.paths.work, pipeline.paths.state, *watched]


def _check_is_of(job: Job, folder: Path) -> None:
    """See by its description that the folder is this job's; one that has none bears its id."""
    try:
        said = json.loads((folder / "job.json").read_text("utf-8"))
        owner = said.get("id") if isinstance(said, dict) else None
    except (OSError, ValueError):
        owner = job.id if job.id[:8] in folder.name else None
    if owner != job.id:
        raise Kept(f"{folder} does not hold the results of job {job.id}")


def remove_outputs(ready: Runtime, job_id: str, sources: Collection[str], reason: str) -> None:
    """Take a job's results out of the library. Raises `Kept` when they must stay, and `OSError`."""
    aside = ready.settings.pipeline.paths.library / STAGING / f"{job_id}.{uuid.uuid4().hex}"

    def act(session: Session) -> None:
        job = jobs.get(session, job_id, lock=True)
        if pruning.shared(session, job):
            raise Kept("another job has its results in the same folder")
        folder = check_outputs(ready, job, sources)
        if folder is not None:
            aside.parent.mkdir(exist_ok=True)
            folder.rename(aside)
        pruning.outputs_removed(session, job, reason)

    # Done again it finds nothing to rename.
    ready.db.write(act)
    shutil.rmtree(aside, ignore_errors=True)


def work_folders(ready: Runtime) -> list[Path]:
    """List what jobs have, or left, in the work folder and in the library's staging folder."""
    paths = ready.settings.pipeline.paths
    return [
        folder
        for parent in (paths.work, paths.library / STAGING)
        if parent.is_dir()
        for folder in parent.iterdir()
        if _OF_A_JOB.fullmatch(folder.name) and folder.is_dir() and not folder.is_symlink()
    ]


def job_id_of(folder: Path) -> str:
    """Tell which job a working folder is of."""
    return folder.name.partition(".")[0]


def remove_work(ready: Runtime, folder: Path) -> None:
    """Remove a working folder of a job that has ended, or is not known.

    Raises `Kept` when the job has not ended, and `OSError`.
    """
    aside = folder.with_name(f"{job_id_of(folder)}.{uuid.uuid4().hex}")

    def act(session: Session) -> None:
        try:
            job = jobs.get(session, job_id_of(folder), lock=True)
        except JobNotFound:
            job = None
        if job is not None and not job.state.terminal:
            raise Kept(f"job {job.id} is {job.state.value}")
        if folder.name.endswith(ASIDE) and folder.is_dir():
            put_back(folder)
        if not aside.exists():  # done again, it was renamed before
            folder.rename(aside)

    ready.db.write(act)
    shutil.rmtree(aside, ignore_errors=True)
