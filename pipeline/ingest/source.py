"""Put an ended job's source where its folder's entry says: kept, archived, quarantined, deleted.

Nothing is taken away before it is known to be the file that was submitted, whole at its new place.
"""

from __future__ import annotations

import errno
import hashlib
import itertools
import os
import shutil
import stat
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.durability import flush, make_durably
from pipeline.history.fate import SourceFate
from pipeline.history.known import Identity
from pipeline.ingest import beside
from pipeline.ingest.changes import changed_since
from pipeline.ingest.fingerprint import content_of, fingerprint
from pipeline.ingest.whole import being_written
from pipeline.models import JobState

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pipeline.history.jobs import NewJob
    from pipeline.models import Job

    OnChunk = Callable[[], object] | None

#: What making a link answers where none can be: another file system, or one without links.
NO_LINKS = (errno.EXDEV, errno.EPERM, errno.EOPNOTSUPP, errno.EMLINK)
#: What the name of an unfinished copy ends in.
PART = ".part"
#: By how much the time of a copy may differ where a file system keeps it roughly, ns.
ROUGHLY_NS = 2_000_000_000
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


def check_is_source(job: Job, on_chunk: OnChunk = None, *, stays: bool = False) -> Identity:
    """See that the file is still the one the job was made of, and give what it is now.

    Size, time and inode that agree are believed, unless it was changed in any way since it was read
    for its job; a file that was only touched or copied is read, with `on_chunk` called now and
    then. Of one that `stays`, so that none can be lost, the inode is not asked: network file
    systems make them up. Raises `NotTheSource`; `TakesTime` when it must be read and there is no
    `on_chunk`; `OSError`.
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
    as_it_was = stays or not changed_since(path, found, job.source_ctime_ns, job.created_at)
    if identity.mtime_ns == job.source_mtime_ns and same_inode and as_it_was:
        return identity
    if on_chunk is None:
        raise TakesTime(str(path))
    if fingerprint(path, on_chunk) != content_of(job.fingerprint):
        raise NotTheSource(f"{path} has other content now: it stays")
    return identity


@dataclass(frozen=True)
class Put:
    """A second name of a file, and whether it had that before."""

    path: Path
    before: bool = False

    def holds(self, identity: Identity) -> bool:
        """Whether the file is there, whole. Raises `OSError` when that can't be told."""
        try:
            return _has_size(self.path, identity.bytes)
        except FileNotFoundError:
            return False


def as_submitted(job: Job | NewJob) -> Identity:
    """Tell what the source of a job, or of one to be made, was when it was submitted."""
    return Identity(job.source_bytes, job.source_mtime_ns, job.source_inode or 0)


def put(path: Path, identity: Identity, folder: Path, on_chunk: OnChunk = None) -> Put:
    """Make the file appear in the folder too, under a free name: nothing is ever overwritten.

    A name that it has there already, as from somebody who was killed right after this, is it; so is
    a whole copy under its name, where it can only be copied.
    Raises `NotTheSource` when it changes while it is copied; `TakesTime` when it must be copied and
    there is no `on_chunk`; `OSError`.
    """
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise PermissionError(errno.EACCES, "it could not be taken from its folder", str(path))
    make_durably(folder)
    if being_written(path, follow=True):
        raise OSError(errno.ETXTBSY, "somebody has it open for writing", str(path))
    try:
        return _link(path, identity, folder, on_chunk)
    except FileNotFoundError as problem:
        if os.path.lexists(path):
            raise
        raise NotTheSource(f"{path} is gone", SourceFate.GONE) from problem


def arrive(job: Job, path: Path, identity: Identity, made: Put) -> None:
    """Let what belongs beside the file follow it; then all is on the disk.

    Raises `NotTheSource` when the file is no longer, or was not all the time, what `identity` says;
    `OSError`.
    """
    if not _is(path, identity):
        raise _moving(path)
    beside.bring_sidecar(path, made.path)
    explain(job, made.path)
    if not _is(path, identity) or not made.holds(identity):
        raise _moving(path)


def _moving(path: Path) -> NotTheSource:
    return NotTheSource(f"{path} changed while it was moved: it stays")


def explain(job: Job, made: Path) -> None:
    """Give the reason to a source that is in quarantine now; then all is on the disk."""
    if job.state is not JobState.SUCCEEDED:
        beside.give_reason(job, made)
    flush(made.parent)


def arrived(
    job: Job, folder: Path, is_anothers: Callable[[Path], bool] | None, on_chunk: OnChunk
) -> Path | None:
    """Find where one who was killed had put the source, which others took away since; or None.

    With `is_anothers` a whole copy that is nobody else's is it, too. Raises `TakesTime` when one
    must be read and there is no `on_chunk`; `OSError`.
    """
    was = as_submitted(job)
    for target in itertools.takewhile(os.path.lexists, _names(folder, Path(job.source_path).name)):
        if Identity.of(target.lstat()) == was:
            return target
        if is_anothers is None or _is_older(target, job) or not _looks_like(target, was):
            continue
        if is_anothers(target):
            continue
        if on_chunk is None:
            raise TakesTime(str(target))
        if fingerprint(target, on_chunk, follow=False) == content_of(job.fingerprint):
            return target
    return None


def take(path: Path, identity: Identity, marker: str | None = None) -> bool:
    """Remove the file from its place, if it is still this very one; False when it is not.

    With it goes what lies beside it: its sidecar, its reason, its marker.
    """
    if not _is(path, identity):
        return False
    path.unlink(missing_ok=True)
    beside.clear(path, marker)
    return True


def undo(made: Put) -> None:
    """Remove what `put` made, and what came with it.

    Whoever finds it there may take it for his own and the file away: so only with the job's row
    locked, and only when it is known that nobody did.
    """
    if not made.before:
        made.path.unlink(missing_ok=True)
        beside.clear(made.path, None)


def _has_size(made: Path, size: int) -> bool:
    found = made.lstat()
    return stat.S_ISREG(found.st_mode) and found.st_size == size


def lies_in(path: Path, folder: Path) -> bool:
    """Whether the file is in this very folder, by whatever path that is named."""
    try:
        return path.parent == folder or path.parent.samefile(folder)
    except OSError:
        return False


def _is(path: Path, identity: Identity) -> bool:
    try:
        return Identity.of(path.stat()) == identity
    except FileNotFoundError:
        return False


def _link(path: Path, identity: Identity, folder: Path, on_chunk: OnChunk) -> Put:
    """Give the file a second name in the folder; a whole copy where a link can't be made."""
    # Of a link that somebody named, the file it leads to: a link to a link is no second name.
    real = os.path.realpath(path)
    for target in _names(folder, path.name):
        try:
            target.hardlink_to(real)
        except FileExistsError:
            if os.path.samestat(target.lstat(), os.stat(real)):  # noqa: PTH116
                return Put(target, before=True)
        except OSError as problem:
            if problem.errno not in NO_LINKS:
                raise
            if on_chunk is None:
                raise TakesTime(str(path)) from problem
            return _copy(path, identity, folder, on_chunk)
        else:
            return Put(target)
    raise AssertionError("names do not run out")


def _copy(path: Path, identity: Identity, folder: Path, on_chunk: Callable[[], object]) -> Put:
    """Copy to another file system, whole under a hidden name before it is given its own."""
    # What one who was killed left; one who lives has lost the source to us, and finds that out.
    discard_unfinished(path, folder)
    for target in itertools.takewhile(os.path.lexists, _names(folder, path.name)):
        if _is_copy(target, path, identity, on_chunk):
            return Put(target, before=True)
    unfinished = folder / f"{_part(path)}{uuid.uuid4().hex}{PART}"
    try:
        _copy_bytes(path, unfinished, on_chunk)
        if unfinished.stat().st_size != identity.bytes or not _is(path, identity):
            raise NotTheSource(f"{path} changed while it was copied: it stays")
        return Put(_name(unfinished, folder / path.name, path.name))
    finally:
        unfinished.unlink(missing_ok=True)


def discard_put(
    job: Job, folder: Path, is_anothers: Callable[[Path], bool], on_chunk: OnChunk
) -> None:
    """Remove further names that `put` gave the source in the folder, or copies, and what is beside.

    What was there before the job stays, and so does what a link leads to that is the source.
    Raises `TakesTime` when they must be read and there is no `on_chunk`; `OSError`.
    """
    path = Path(job.source_path)
    try:
        identity = Identity.of(path.stat())
    except FileNotFoundError:
        return  # what was put there is the last of it
    if lies_in(path, folder):
        return
    for made in itertools.takewhile(os.path.lexists, _names(folder, path.name)):
        if _is_older(made, job) or os.path.realpath(made) == os.path.realpath(path):
            continue
        alike = os.path.samestat(made.lstat(), path.stat())
        if (alike or _is_copy(made, path, identity, on_chunk)) and not is_anothers(made):
            undo(Put(made))


def _is_older(made: Path, job: Job) -> bool:
    """Whether nobody can have put it there for this job."""
    return made.lstat().st_ctime < job.created_at.timestamp()


def discard_unfinished(path: Path, folder: Path) -> None:
    """Remove what was copied of the file at `path` to the folder and never whole, nothing else."""
    for left in folder.glob(f"{_part(path)}*{PART}"):
        left.unlink(missing_ok=True)


def _part(path: Path) -> str:
    """Begin the names of the unfinished copies of a file: others' have other ones."""
    return f".{hashlib.sha256(os.fsencode(path)).hexdigest()[:32]}."


def _is_copy(made: Path, path: Path, identity: Identity, on_chunk: OnChunk) -> bool:
    """Whether `made` is a whole copy of the file, as `_copy` makes one: it has its time, too.

    Raises `TakesTime` when it must be read and there is no `on_chunk`.
    """
    if not _looks_like(made, identity):
        return False
    if on_chunk is None:
        raise TakesTime(str(path))
    return fingerprint(made, on_chunk, follow=False) == fingerprint(path, on_chunk)


def _looks_like(made: Path, identity: Identity) -> bool:
    found = made.lstat()
    if not stat.S_ISREG(found.st_mode) or found.st_size != identity.bytes:
        return False
    return abs(found.st_mtime_ns - identity.mtime_ns) <= ROUGHLY_NS


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
