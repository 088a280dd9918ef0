"""Ingest: the scan that finds what the watcher missed, and the one way any file is submitted."""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import replace
from functools import partial
from pathlib import Path

from pipeline.app import app, runtime
from pipeline.history.errors import DatabaseFull
from pipeline.ingest import apart
from pipeline.ingest.folder_scan import FolderScan
from pipeline.ingest.mounts import is_polled
from pipeline.ingest.settling import PATIENCE, Settling
from pipeline.ingest.submit import Submitted, Wishes, submit
from pipeline.settings.pipeline import WatchFolder
from pipeline.tasks.taking import Taking, actions
from pipeline.tasks.timed import Timed, Told

logger = logging.getLogger(__name__)

#: How often a scan looks whether its files have settled, seconds.
LOOK_S = 0.25
#: How many scans may wait for files at once in one process: the worker has four threads.
MOST_SCANS = 2

_scans = threading.BoundedSemaphore(MOST_SCANS)


def submit_file(
    path: Path,
    *,
    profile: str | None = None,
    priority: int | None = None,
    by_hand: bool = False,
) -> Submitted:
    """Submit a whole file under the rules of the watched folder it lies in, if any.

    `by_hand` says that somebody named it: what was made of it and then removed is made again, and
    a link is followed.

    Raises what `pipeline.ingest.submit.submit` raises.
    """
    ready = runtime()
    folder = ready.settings.folder_for(path.absolute())
    rules = Wishes.of(folder) if folder else Wishes("web", 5)
    named = {"profile": profile, "priority": priority}
    wishes = replace(
        rules,
        profile=profile if profile is not None else rules.profile,
        priority=priority if priority is not None else rules.priority,
        by_hand=by_hand,
        named=frozenset(key for key, value in named.items() if value is not None),
    )
    return submit(ready, path, wishes, actions())


def submit_in(path: Path, folder: WatchFolder) -> Submitted:
    """Submit a whole file under the rules of this folder, whether or not anybody watches it.

    Raises what `pipeline.ingest.submit.submit` raises.
    """
    return submit(runtime(), path, Wishes.of(folder), actions())


def submit_path(path: Path) -> str:
    """Submit a whole file; returns its job's id."""
    return submit_file(path).job_id


@app.task(base=Timed, name="pipeline.scan", ignore_result=True)
def scan(folder: str | None = None) -> Told:
    """Find new files in one watched folder (all when None); tells how many jobs were made.

    Files that are still being written are waited for a while, then left for the next scan; so is
    everything when enough scans are waiting already, for alerts are sent by the same threads. A
    folder whose server does not answer is left alone, and told of; so are uploads whose profile is
    no more. Raises `DatabaseFull`.
    """
    if not _scans.acquire(blocking=False):
        logger.info("enough scans are waiting for files: this one is left to the next")
        return Told("left to the next scan: enough of them wait for files")
    try:
        return _scan(folder)
    finally:
        _scans.release()


def _scan(folder: str | None) -> Told:
    ready = runtime()
    if (full := ready.db.lacks_room()) is not None:
        raise full
    taking = Taking(ready)
    unmade: list[str] = []
    begun = [
        FolderScan(entry, partial(_take_all, taking, entry, unmade))
        for entry in ready.settings.pipeline.watch
        if folder is None or entry.path == Path(folder)
    ]
    for one in begun:
        one.wait(LOOK_S)
    made = sum(one.made for one in begun)
    silent = [str(one.entry.path) for one in begun if one.silent]
    said = "".join(f"; {path} does not answer" for path in silent)
    said += "".join(f"; {why}" for why in unmade)
    return Told(f"{made} new jobs{said}", {"made": made, "silent": silent})


@app.task(name="pipeline.look", ignore_result=True, throws=(DatabaseFull,))
def look(path: str) -> None:
    """Look at one file of a watched folder that was written anew, and take it in if it is whole.

    Else whoever asked asks again. So a job that waits for its file does not wait for a watcher that
    heard of that before, or that is not there. Raises `DatabaseFull`.
    """
    ready = runtime()
    entry = ready.settings.folder_for(Path(path))
    if entry is not None:
        Taking(ready).take_if_whole(Path(path), entry, polled=_is_polled(entry))


def _take_all(taking: Taking, entry: WatchFolder, unmade: list[str]) -> int:
    """Take what is in one folder, uploads that lie apart in it too; returns the jobs made.

    `unmade` is given what is to be told of uploads of which none can be made.
    """
    ready = runtime()
    for why in apart.without_profile(ready, entry):
        logger.warning("%s", why)
        unmade.append(why)
    return sum(_take_in(taking, one) for one in (entry, *apart.apart_in(ready, entry)))


def _take_in(taking: Taking, entry: WatchFolder) -> int:
    """Take what is in one folder, and what of it becomes whole soon; returns the jobs made."""
    settling, made, polled = Settling(), 0, _is_polled(entry)
    for batch in taking.take(entry, polled=polled):
        made += batch.made
        for one in batch.waiting if not polled else ():
            at, settle_s = time.monotonic(), entry.settle_seconds
            settling.notice(Path(one.found.path), at, settle_s, quiet_s=one.quiet_s)
    until = time.monotonic() + entry.settle_seconds * (PATIENCE + 1)
    while len(settling) and time.monotonic() < until:
        for path in settling.settled(time.monotonic()):
            found = taking.submit(path, entry)
            made += found is not None and found.created
        time.sleep(LOOK_S)
    return made


def _is_polled(entry: WatchFolder) -> bool:
    try:
        return is_polled(entry)
    except OSError:
        return True  # it can't be asked: nothing is believed of it
