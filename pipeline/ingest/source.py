"""Put an ended job's source where its folder's entry says: kept, archived, quarantined, deleted.

Nothing is taken away before it is known to be the file that was submitted, whole at its new place.
"""

from __future__ import annotations

import errno
import itertools
import os
import shutil
import stat
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.history.fate import SourceFate
from pipeline.history.known import Identity
from pipeline.ingest import beside
from pipeline.ingest.fingerprint import content_of, fingerprint
from pipeline.ingest.whole import being_written
from pipeline.models import JobState

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pipeline.models import Job
    from pipeline.settings.pipeline import WatchFolder

    OnChunk = Callable[[], object] | None

#: What making a link answers where none can be: another file system, or one without links.
NO_LINKS = (errno.EXDEV, errno.EPERM, errno.EOPNOTSUPP, errno.EMLINK)
#: Bytes copied at a time, and how many times before they are forced to disk: a whole film at the
#: end could take longer than anybody waits for a sign of life.
CHUNK = 4 << 20
CHUNKS_AT_ONCE = 16


class TakesTime(Exception):
    """The source must be read or copied, and the caller has no time for that."""


class NotTheSource(Exception):
    """What is at the source's place is not the file that was submitted; says why in words.

    `fate` says whether there is another one or none.
    """

    def __init__(self, why: str, fate: SourceFate = SourceFate.REPLACED) -> None:
        super().__init__(why)
        self.fate = fate


@dataclass(frozen=True)
class Rules:
    """What a watched folder's entry says of its files, once they are done with."""

    on_success: str = "keep"
    on_failure: str = "keep"
    archive_to: str | None = None
    quarantine_to: str | None = None

    @classmethod
    def of(cls, job: Job) -> Rules:
        """Read what was kept with the job."""
        return cls(job.on_success, job.on_failure, job.archive_to, job.quarantine_to)

    @classmethod
    def at(cls, folder: WatchFolder | None, path: Path | str) -> Rules:
        """Take what the folder says of the file at `path` in it; outside all, files are kept."""
        if folder is None:
            return cls()
        below = below_folder(folder, path)
        places = (str(folder.archive), str(folder.quarantine))
        archive, quarantine = (f"{place}/{below}" if below else place for place in places)
        return cls(folder.on_success, folder.on_failure, archive, quarantine)

    def deletes(self, state: JobState) -> bool:
        """Whether the source of a job that ended in `state` is to be deleted."""
        return state is JobState.SUCCEEDED and self.on_success == "delete"

    def folder(self, state: JobState) -> Path | None:
        """Give the folder the source of a job that ended in `state` goes to; None to leave it."""
        if state is JobState.SUCCEEDED and self.on_success == "archive" and self.archive_to:
            return Path(self.archive_to)
        failed = state in (JobState.FAILED, JobState.EXPIRED)
        if failed and self.on_failure == "quarantine" and self.quarantine_to:
            return Path(self.quarantine_to)
        return None


def below_folder(folder: WatchFolder, path: Path | str) -> str:
    """Tell in which part of the watched folder the file lies: "" for its top.

    By cutting the text: a scan asks for each of 100,000 files.
    """
    return os.path.dirname(path)[len(str(folder.path)) + 1 :]  # noqa: PTH120


def check_is_source(job: Job, on_chunk: OnChunk = None, *, stays: bool = False) -> Identity:
    """See that the file is still the one the job was made of, and give what it is now.

    Size, time and inode that agree are believed; a file that was only touched or copied is read,
    with `on_chunk` called now and then. Of one that `stays`, so that none can be lost, the inode is
    not asked: network file systems make them up. Raises `NotTheSource`; `TakesTime` when it must
    be read and there is no `on_chunk`; `OSError`.
    """
    path = Path(job.source_path)
    try:
        found = path.stat()
    except FileNotFoundError as problem:
        raise NotTheSource(f"{path} is gone", SourceFate.GONE) from problem
    identity = Identity.of(found)
    if not stat.S_ISREG(found.st_mode) or identity.bytes != job.source_bytes:
        raise NotTheSource(f"{path} is another file now: it stays")
    same_inode = stays or job.source_inode is None or identity.inode == job.source_inode
    if identity.mtime_ns == job.source_mtime_ns and same_inode:
        return identity
    if on_chunk is None:
        raise TakesTime(str(path))
    if fingerprint(path, on_chunk) != content_of(job.fingerprint):
        raise NotTheSource(f"{path} has other content now: it stays")
    return identity


def put(path: Path, identity: Identity, folder: Path, on_chunk: OnChunk = None) -> Path:
    """Make the file appear in the folder too, under a free name: nothing is ever overwritten.

    Raises `NotTheSource` when it is no longer, or not all the time, what `identity` says;
    `TakesTime` when it must be copied and there is no `on_chunk`; `OSError`.
    """
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise PermissionError(errno.EACCES, "it could not be taken from its folder", str(path))
    folder.mkdir(parents=True, exist_ok=True)
    if being_written(path, follow=True):
        raise OSError(errno.ETXTBSY, "somebody has it open for writing", str(path))
    target = _link(path, identity, folder, on_chunk)
    if not _is(path, identity) or not _has_size(target, identity.bytes):
        target.unlink()
        raise NotTheSource(f"{path} changed while it was moved: it stays")
    return target


def take(path: Path, identity: Identity, marker: str | None = None) -> bool:
    """Remove the file from its place, if it is still this very one; False when it is not.

    With it goes what lies beside it: its sidecar, its reason, its marker.
    """
    if not _is(path, identity):
        return False
    path.unlink(missing_ok=True)
    beside.clear(path, marker)
    return True


def undo(made: Path) -> None:
    """Remove what `put` made, and what came with it."""
    made.unlink(missing_ok=True)
    beside.clear(made, None)


def settle_copy(
    job: Job, path: Path, identity: Identity, rules: Rules, marker: str | None = None
) -> str | None:
    """Treat one more copy of an ended job's source as `rules` say.

    Returns what became of it, in words ("deleted", "moved to …"); None when it stays, as one does
    that changed meanwhile. Raises `OSError` when it can't be moved now.
    """
    if rules.deletes(job.state):
        return "deleted" if take(path, identity, marker) else None
    folder = rules.folder(job.state)
    if folder is None or path.parent == folder:
        return None
    try:
        made = put(path, identity, folder, on_chunk=lambda: None)
    except (NotTheSource, FileNotFoundError):
        return None
    taken = False
    try:
        beside.bring_sidecar(path, made)
        if job.state is not JobState.SUCCEEDED:
            beside.give_reason(job, made)
        taken = take(path, identity, marker)
    finally:
        if not taken:
            undo(made)  # somebody else was faster, or it can't be taken away
    return f"moved to {made}" if taken else None


def _has_size(made: Path, size: int) -> bool:
    found = made.lstat()
    return stat.S_ISREG(found.st_mode) and found.st_size == size


def _is(path: Path, identity: Identity) -> bool:
    try:
        return Identity.of(path.stat()) == identity
    except FileNotFoundError:
        return False


def _link(path: Path, identity: Identity, folder: Path, on_chunk: OnChunk) -> Path:
    """Give the file a second name in the folder; a whole copy where a link can't be made."""
    # Of a link that somebody named, the file it leads to: a link to a link is no second name.
    real = os.path.realpath(path)
    for target in _names(folder, path.name):
        try:
            target.hardlink_to(real)
        except FileExistsError:
            continue
        except OSError as problem:
            if problem.errno not in NO_LINKS:
                raise
            if on_chunk is None:
                raise TakesTime(str(path)) from problem
            return _copy(path, identity, target, on_chunk)
        return target
    raise AssertionError("names do not run out")


def _copy(path: Path, identity: Identity, target: Path, on_chunk: Callable[[], object]) -> Path:
    """Copy to another file system, whole under a hidden name before it is given its own."""
    unfinished = target.with_name(f".{uuid.uuid4().hex}.part")
    try:
        _copy_bytes(path, unfinished, on_chunk)
        if unfinished.stat().st_size != identity.bytes or not _is(path, identity):
            raise NotTheSource(f"{path} changed while it was copied: it stays")
        return _name(unfinished, target, path.name)
    finally:
        unfinished.unlink(missing_ok=True)


def _copy_bytes(path: Path, unfinished: Path, on_chunk: Callable[[], object]) -> None:
    with path.open("rb") as whole, unfinished.open("xb") as copy:
        for count in itertools.count(1):
            chunk = whole.read(CHUNK)
            if not chunk:
                break
            copy.write(chunk)
            if count % CHUNKS_AT_ONCE == 0:
                os.fdatasync(copy.fileno())
            on_chunk()
        copy.flush()
        shutil.copystat(path, unfinished)
        os.fsync(copy.fileno())


def _name(unfinished: Path, target: Path, name: str) -> Path:
    """Give a whole copy its name, or the next one that is free."""
    while True:
        try:
            target.hardlink_to(unfinished)
        except FileExistsError:
            target = next(free for free in _names(target.parent, name) if not free.exists())
        except OSError as problem:
            if problem.errno not in NO_LINKS:
                raise
            free = next(free for free in _names(target.parent, name) if not free.exists())
            return unfinished.rename(free)
        else:
            return target


def _names(folder: Path, name: str) -> Iterator[Path]:
    yield folder / name
    for count in itertools.count(2):
        yield beside.named(folder / name, number=count)
