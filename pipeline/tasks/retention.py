"""Retention: remove results, working folders and history that are too old, many or large."""

from __future__ import annotations

import logging
import os
import shutil
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.app import app, runtime
from pipeline.history import jobs, pruning
from pipeline.history.database import now
from pipeline.ingest.apart import watched_root
from pipeline.plan.retention import Item, cutoff, doomed
from pipeline.printable import size_text
from pipeline.settings.retention import KeepFiles, Retention
from pipeline.settings.values import seconds_text
from pipeline.tasks.removing import (
    Kept,
    check_outputs,
    job_id_of,
    measure,
    remove_outputs,
    remove_work,
    work_folders,
)
from pipeline.tasks.timed import Timed, Told

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from sqlalchemy.orm import Session

    from pipeline.app import Runtime
    from pipeline.models import Job
    from pipeline.settings.retention import Keep, KeepOutputs

logger = logging.getLogger(__name__)

#: What an ended job left in the work folder goes after this long: time for a `retry`.
CLEAN = Retention(work=KeepFiles(older_than=timedelta(days=7)))
#: What is removed, in words: one of it, and several.
KINDS = {
    "outputs": ("output folder", "output folders"),
    "work": ("working folder", "working folders"),
    "history": ("job of the history", "jobs of the history"),
}


@dataclass(frozen=True)
class Removal:
    """One thing that was removed, or would be, or must stay.

    `kind` is outputs, work or history; `reason` says why it goes, or why it stays after all.
    """

    kind: str
    job: str
    path: str | None
    bytes: int
    reason: str
    stays: bool = False


@app.task(base=Timed, name="pipeline.clean", ignore_result=True)
def clean() -> Told:
    """Remove working folders of jobs that ended long ago or were never known."""
    return told(list(retain(runtime(), CLEAN)))


@app.task(base=Timed, name="pipeline.retention", ignore_result=True)
def retention(**rules: Any) -> Told:
    """Remove what the entry says, or tell what would be removed."""
    wanted = Retention.model_validate(rules)
    removed = list(retain(runtime(), wanted, dry_run=wanted.dry_run))
    return told(removed, dry_run=wanted.dry_run)


def told(removals: list[Removal], *, dry_run: bool = False) -> Told:
    """Sum up what was removed."""
    gone = [one for one in removals if not one.stays]
    counts = {kind: sum(one.kind == kind for one in gone) for kind in KINDS}
    size, kept = sum(one.bytes for one in gone), len(removals) - len(gone)
    what = ", ".join(
        f"{count} {KINDS[kind][count != 1]}" for kind, count in counts.items() if count
    )
    verb = "would be removed" if dry_run else "removed"
    room = f" ({size_text(size)})" if size else ""
    stays = f"; {kept} had to stay" if kept else ""
    facts = {**counts, "bytes": size, "kept": kept, "dry_run": dry_run}
    return Told(f"{what or 'nothing'} {verb}{room}{stays}", facts)


def retain(ready: Runtime, rules: Retention, *, dry_run: bool = False) -> Iterator[Removal]:
    """Remove what the rules say, one after the other; with `dry_run` only tell what would go.

    What must stay after all is told too: a folder that is not the library's, that holds a source,
    or whose job is being done again. Raises `DatabaseUnreachable`.
    """
    bare: set[str] = set()  # jobs whose results go, and whose history may go with them
    for removal in chain(
        _outputs(ready, rules.outputs, dry_run=dry_run) if rules.outputs else (),
        _work(ready, rules.work, dry_run=dry_run) if rules.work else (),
        _history(ready, rules.history, bare, dry_run=dry_run) if rules.history else (),
    ):
        if removal.kind == "outputs" and not removal.stays:
            bare.add(removal.job)
        verb = "stays" if removal.stays else "would be removed" if dry_run else "was removed"
        what = removal.path or "its history"
        logger.info("job %s: %s %s: %s", removal.job, what, verb, removal.reason)
        yield removal


def _outputs(ready: Runtime, rules: KeepOutputs, *, dry_run: bool) -> Iterator[Removal]:
    library = ready.settings.pipeline.paths.library
    with ready.db.read() as session:
        found = pruning.with_outputs(session, rules.profiles)
        sources = pruning.sources_below(session, str(library))
        at = now(session)
    folders = {job_id: folder for job_id, _, folder in found}
    by_size = rules.max_size is not None or rules.min_free is not None
    items = [
        Item(job_id, ended, measure(Path(folder)).bytes if by_size else 0)
        for job_id, ended, folder in found
    ]
    for one in doomed(items, rules, at, _free(library)):
        job_id, folder = one.item.name, folders[one.item.name]
        size = one.item.bytes or measure(Path(folder)).bytes
        try:
            if dry_run:
                with ready.db.read() as session:
                    check_outputs(ready, jobs.get(session, job_id), sources)
            else:
                remove_outputs(ready, job_id, sources, one.reason)
        except (Kept, OSError) as why:
            yield Removal("outputs", job_id, folder, size, str(why), stays=True)
        else:
            yield Removal("outputs", job_id, folder, size, one.reason)


def _work(ready: Runtime, rules: KeepFiles, *, dry_run: bool) -> Iterator[Removal]:
    with ready.db.read() as session:
        unfinished = set(jobs.unfinished(session))
        at = now(session)
    measured = {
        str(folder): measure(folder)
        for folder in work_folders(ready)
        if job_id_of(folder) not in unfinished
    }
    items = [
        Item(folder, datetime.fromtimestamp(found.changed_s, UTC), found.bytes)
        for folder, found in measured.items()
    ]
    for one in doomed(items, rules, at, _free(ready.settings.pipeline.paths.work)):
        folder = Path(one.item.name)
        job_id = job_id_of(folder)
        try:
            if not dry_run:
                remove_work(ready, folder)
        except FileNotFoundError:
            continue  # it was tidied away meanwhile
        except (Kept, OSError) as why:
            yield Removal("work", job_id, str(folder), one.item.bytes, str(why), stays=True)
        else:
            yield Removal("work", job_id, str(folder), one.item.bytes, one.reason)


def _free(folder: Path) -> int | None:
    return shutil.disk_usage(folder).free if folder.is_dir() else None


def _history(
    ready: Runtime, rules: Keep, bare: Collection[str], *, dry_run: bool
) -> Iterator[Removal]:
    """Forget ended jobs, a few at a time: those without results, and without files to be found.

    `bare` are jobs whose results went just now, or would have.
    """
    before, reason = _history_bound(ready, rules)
    if before is None:
        return
    after = ""
    while True:
        with ready.db.read() as session:
            found = pruning.forgettable(session, before, after)
            paths = pruning.known_paths(session, [job.id for job in found])
        if not found:
            return
        after = found[-1].id
        needed = {job_id for job_id, path in paths if _would_be_found(ready, path)}
        gone = [
            job
            for job in found
            if job.id not in needed
            and not _would_be_found(ready, job.source_path)
            and (job.id in bare or not _has_results(job))
        ]
        if not dry_run:
            ready.db.write(partial(pruning.forget, job_ids=[job.id for job in gone]))
        for job in gone:
            yield Removal("history", job.id, None, 0, reason)


def _history_bound(ready: Runtime, rules: Keep) -> tuple[datetime | None, str]:
    """Tell before which moment jobs must have ended to be forgotten, and why.

    Of several rules the one that takes the most: it takes what the others do.
    """
    with ready.db.read() as session:
        bounds: list[tuple[datetime | None, str]] = []
        ended = pruning.ended_count(session)
        if rules.older_than is not None:
            span = seconds_text(rules.older_than)
            bound = cutoff(rules.older_than, now(session))
            bounds.append((bound, f"history.older_than: it ended more than {span} ago"))
        if rules.keep_newest is not None:
            bounds.append(_newest(session, "keep_newest", rules.keep_newest, ended))
        if rules.max_size is not None:
            size = pruning.history_bytes(session)
            if size > rules.max_size and ended:
                keep = max(1, ended * rules.max_size // size)
                bound, reason = _newest(session, "max_size", keep, ended)
                sizes = f"{size_text(size)} and may take {size_text(rules.max_size)}"
                bounds.append((bound, f"{reason}: all take {sizes}"))
    told = [(at, why) for at, why in bounds if at is not None]
    return max(told, key=lambda one: one[0]) if told else (None, "")


def _newest(session: Session, rule: str, keep: int, ended: int) -> tuple[datetime | None, str]:
    """Tell when the last of the `keep` newest jobs ended, and so why a job before that goes."""
    reason = f"history.{rule} keeps the newest {keep} of {ended} ended jobs"
    return pruning.nth_newest(session, keep), reason


def _would_be_found(ready: Runtime, path: str) -> bool:
    """Whether a file lies where it would be taken for a new one, once its job is forgotten.

    Where the watched folder is gone, its disk may only be away, and come back with all its files.
    A folder of uploads in it may be removed by hand.
    """
    folder = ready.settings.folder_for(Path(path))
    return folder is not None and (os.path.lexists(path) or not watched_root(folder).is_dir())


def _has_results(job: Job) -> bool:
    """Whether the job's results are in the library: then its history stays with them."""
    return (
        job.outputs_removed_at is None
        and job.output_directory is not None
        and os.path.lexists(job.output_directory)
    )
