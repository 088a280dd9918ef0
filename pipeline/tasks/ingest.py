"""Ingest: the scan that finds what the watcher missed, and the one way any file is submitted."""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import replace
from pathlib import Path

from pipeline.app import app, runtime
from pipeline.ingest.mounts import is_polled
from pipeline.ingest.settling import PATIENCE, Settling
from pipeline.ingest.submit import Submitted, Wishes, submit
from pipeline.settings.pipeline import WatchFolder
from pipeline.tasks.taking import Taking, actions
from pipeline.tasks.timed import Timed

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


@app.task(base=Timed, name="pipeline.scan", ignore_result=True, counts="{} new jobs")
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
    taking = Taking(ready)
    settling, entry_of, made = Settling(), dict[Path, WatchFolder](), 0
    for entry in entries:
        polled = _is_polled(entry)
        for batch in taking.take(entry, polled=polled):
            made += batch.made
            for one in batch.waiting if not polled else ():
                path = Path(one.found.path)
                entry_of[path] = entry
                at = time.monotonic()
                settling.notice(path, at, entry.settle_seconds, quiet_s=one.quiet_s)
    longest = max((entry.settle_seconds for entry in entry_of.values()), default=0.0)
    until = time.monotonic() + longest * (PATIENCE + 1)
    while len(settling) and time.monotonic() < until:
        for path in settling.settled(time.monotonic()):
            found = taking.submit(path, entry_of[path])
            made += found is not None and found.created
        time.sleep(LOOK_S)
    return made


def _is_polled(entry: WatchFolder) -> bool:
    try:
        return is_polled(entry)
    except OSError:
        return True  # it can't be asked: nothing is believed of it
