"""Ingest: the scan that finds what the watcher missed, and the one way any file is submitted."""

from __future__ import annotations

import logging
import shutil
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.app import app, runtime
from pipeline.errors import ReelworksError
from pipeline.history import jobs
from pipeline.ingest.candidate import candidates
from pipeline.ingest.located import is_text
from pipeline.ingest.settling import PATIENCE, Settling
from pipeline.ingest.submit import Submitted, Wishes, nothing_to_do, submit
from pipeline.tasks.workspace import STAGING
from pipeline.workflows import launch, retry

if TYPE_CHECKING:
    from pipeline.app import Runtime
    from pipeline.settings.pipeline import WatchFolder

logger = logging.getLogger(__name__)

#: How often a scan looks whether its files have settled, seconds.
LOOK_S = 0.25
#: How many scans may wait for files at once in one process: the worker has four threads.
MOST_SCANS = 2
#: What an ended job left in the work folder goes after this long, seconds: time for a `retry`.
KEEP_WORK_S = 7 * 24 * 3600

#: Files that were refused for their name, and told about.
_refused: set[Path] = set()
_scans = threading.BoundedSemaphore(MOST_SCANS)


def submit_file(
    path: Path,
    *,
    profile: str | None = None,
    priority: int | None = None,
    by_hand: bool = False,
) -> Submitted:
    """Submit a whole file under the rules of the watched folder it lies in, if any.

    `by_hand` says that somebody named it: what was made of it and then removed is made again.

    Raises what `pipeline.ingest.submit.submit` raises.
    """
    ready = runtime()
    folder = ready.settings.folder_for(path.absolute())
    rules = Wishes.of(folder) if folder else Wishes("web", 5)
    wishes = Wishes(
        profile if profile is not None else rules.profile,
        priority if priority is not None else rules.priority,
        folder,
        by_hand,
    )
    return submit(ready, path, wishes, publish=launch, rerun=retry)


def submit_in(path: Path, folder: WatchFolder) -> Submitted:
    """Submit a whole file under the rules of this folder, whether or not anybody watches it.

    Raises what `pipeline.ingest.submit.submit` raises.
    """
    return submit(runtime(), path, Wishes.of(folder), publish=launch, rerun=retry)


def submit_path(path: Path) -> str:
    """Submit a whole file; returns its job's id."""
    return submit_file(path).job_id


@app.task(name="pipeline.scan", ignore_result=True)
def scan(folder: str | None = None) -> int:
    """Find new files in one watched folder (all when None); returns how many jobs were made.

    Files that are still being written are waited for a while, then left for the next scan; so is
    everything when enough scans are waiting already, for alerts are sent by the same threads.
    """
    if not _scans.acquire(blocking=False):
        logger.info("enough scans are waiting for files: this one is left to the next")
        return 0
    try:
        return _scan(folder)
    finally:
        _scans.release()


def _scan(folder: str | None) -> int:
    ready = runtime()
    entries = [
        entry
        for entry in ready.settings.pipeline.watch
        if folder is None or entry.path == Path(folder)
    ]
    settling = Settling()
    for entry in entries:
        for path in unknown_files(ready, entry):
            settling.notice(path, time.monotonic(), entry.settle_seconds)
    longest = max((entry.settle_seconds for entry in entries), default=0.0)
    until = time.monotonic() + longest * (PATIENCE + 1)
    made = 0
    while len(settling) and time.monotonic() < until:
        for path in settling.settled(time.monotonic()):
            made += submit_found(path)
        time.sleep(LOOK_S)
    return made


def unknown_files(ready: Runtime, entry: WatchFolder) -> list[Path]:
    """List the files of a watched folder for which there is something to do."""
    if not _is_there(entry.path):
        logger.warning("the watched folder %s is not there", entry.path)
        return []
    wishes = Wishes.of(entry)
    found = []
    for path in candidates(entry):
        if not is_text(path):
            _refuse_name(path)
            continue
        try:
            if not nothing_to_do(ready, path, wishes):
                found.append(path)
        except FileNotFoundError:
            continue  # moved away since it was listed
        except OSError as problem:
            logger.warning("%s is passed over: %s", path, problem.strerror)
    return found


def _refuse_name(path: Path) -> None:
    """Log once, not at each scan, that a name can't be used; `reelworks doctor` tells it too."""
    if path not in _refused:
        _refused.add(path)
        logger.warning("%s is left alone: its name is not UTF-8, rename it", path)


def _is_there(folder: Path) -> bool:
    try:
        return folder.is_dir()
    except OSError as problem:
        logger.warning("%s can't be looked at: %s", folder, problem.strerror)
        return False


def submit_found(path: Path) -> bool:
    """Submit a file nobody is waiting for an answer about; True when a job was made.

    What is wrong with it is logged, and it stays where it is for the next scan.
    """
    try:
        submitted = submit_file(path)
    except ReelworksError as error:
        logger.warning("%s was not submitted: %s", path, error)
        return False
    word = "submitted" if submitted.created else "already known:"
    logger.info("%s %s as job %s", word, path, submitted.job_id)
    return submitted.created


@app.task(name="pipeline.clean", ignore_result=True)
def clean() -> int:
    """Remove working folders of jobs that ended long ago or were never known; returns how many."""
    ready = runtime()
    paths = ready.settings.pipeline.paths
    with ready.db.read() as session:
        unfinished = set(jobs.unfinished(session))
    removed = 0
    for parent in (paths.work, paths.library / STAGING):
        for folder in parent.iterdir() if parent.is_dir() else ():
            old = time.time() - folder.stat().st_mtime > KEEP_WORK_S
            if old and folder.is_dir() and folder.name.partition(".")[0] not in unfinished:
                shutil.rmtree(folder)
                removed += 1
    return removed
