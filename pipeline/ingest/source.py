"""Put an ended job's source where its folder's entry says: kept, archived, quarantined, deleted."""

from __future__ import annotations

import errno
import itertools
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.models import JobState

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipeline.models import Job

#: What making a link answers where none can be: another file system, or one without links.
NO_LINKS = (errno.EXDEV, errno.EPERM, errno.EOPNOTSUPP, errno.EMLINK)
#: Beside a quarantined file lies its reason, in a file of its name with this added.
REASON = ".reason.txt"


def settle(job: Job) -> str | None:
    """Move, delete or leave the source; returns where it is now, or None when it was deleted.

    A source that is gone already is left at that. Raises `OSError` when it can't be moved now.
    """
    path = Path(job.source_path)
    if not path.exists():
        return str(path)
    if job.state is JobState.SUCCEEDED:
        return _after_success(job, path)
    if job.state in (JobState.FAILED, JobState.EXPIRED) and job.on_failure == "quarantine":
        return _quarantine(job, path)
    return str(path)


def settle_duplicate(job: Job, path: Path) -> None:
    """Treat one more copy of a succeeded job's source as the source itself was treated."""
    _after_success(job, path)


def _after_success(job: Job, path: Path) -> str | None:
    if job.on_success == "delete":
        path.unlink(missing_ok=True)
        return None
    if job.on_success == "archive" and job.archive_to is not None:
        return str(_move(path, Path(job.archive_to)))
    return str(path)


def _quarantine(job: Job, path: Path) -> str:
    if job.quarantine_to is None or path.parent == Path(job.quarantine_to):
        return str(path)
    moved = _move(path, Path(job.quarantine_to))
    reason = f"{job.error_message or job.state.value}\n{job.error_hint or ''}\nJob {job.id}\n"
    moved.with_name(moved.name + REASON).write_text(reason)
    return str(moved)


def _move(path: Path, folder: Path) -> Path:
    """Move the file into the folder, under a free name: nothing there is ever overwritten."""
    folder.mkdir(parents=True, exist_ok=True)
    if path.parent == folder:
        return path
    target = _link(path, folder)
    path.unlink()
    path.with_name(path.name + REASON).unlink(missing_ok=True)
    return target


def _link(path: Path, folder: Path) -> Path:
    """Give the file a second name in the folder; a whole copy where a link can't be made."""
    for target in _names(folder, path.name):
        try:
            target.hardlink_to(path)
        except FileExistsError:
            continue
        except OSError as problem:
            if problem.errno not in NO_LINKS:
                raise
            return _copy(path, target)
        return target
    raise AssertionError("names do not run out")


def _copy(path: Path, target: Path) -> Path:
    """Copy to another file system, whole under a hidden name before it is given its own."""
    unfinished = target.with_name(f".{target.name}.part")
    shutil.copy2(path, unfinished)
    with unfinished.open("rb") as file:
        os.fsync(file.fileno())
    while True:
        try:
            os.link(unfinished, target)
        except FileExistsError:
            target = next(name for name in _names(target.parent, path.name) if not name.exists())
        except OSError:
            unfinished.rename(target)  # a file system without links
            return target
        else:
            unfinished.unlink()
            return target


def _names(folder: Path, name: str) -> Iterator[Path]:
    yield folder / name
    stem, suffix = Path(name).stem, Path(name).suffix
    for count in itertools.count(2):
        yield folder / f"{stem} ({count}){suffix}"
