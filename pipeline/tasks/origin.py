"""Origin: a job's source file, where it is now, and whether it is still the one submitted."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.ingest.changes import changed_since
from pipeline.ingest.fingerprint import fingerprint
from pipeline.ingest.mounts import network_kind
from pipeline.media.errors import MediaError, source_gone

if TYPE_CHECKING:
    import os
    from datetime import datetime

    from pipeline.models import Job
    from pipeline.plan.plan import Plan


@dataclass(frozen=True)
class Origin:
    """The source as it was submitted: its bytes, when it was last changed, and its content."""

    path: Path
    bytes: int
    mtime_ns: int
    fingerprint: str
    inode: int | None = None
    #: When it was last changed in any way (ctime), as of before its content was read.
    read_ns: int | None = None
    #: When its job was made: by then its content was read.
    made_at: datetime | None = None
    #: When it was last changed in any way (ctime), as of the last look at it.
    seen_ns: int | None = None

    @classmethod
    def of(cls, job: Job) -> Origin:
        """Read it from the job's row: a source that was moved since is where that says."""
        path, inode = Path(job.source_path), job.source_inode
        facts = job.source_bytes, job.source_mtime_ns, job.fingerprint
        return cls(path, *facts, inode, job.source_ctime_ns, job.created_at)

    def as_of(self, found: os.stat_result) -> Origin:
        """Give the same content in the file that was found: as it was, touched, or copied there."""
        mtime_ns, inode, seen_ns = found.st_mtime_ns, found.st_ino, found.st_ctime_ns
        return replace(self, mtime_ns=mtime_ns, inode=inode, seen_ns=seen_ns)

    def as_source_of(self, plan: Plan) -> Plan:
        """Give the plan for the source where it is now; it was made where the source was then."""
        source = plan.source.model_copy(update={"path": str(self.path)})
        return plan.model_copy(update={"source": source})

    def checked(self) -> os.stat_result:
        """Tell what the file is now.

        Raises `MediaError`: `source_gone`, and `source_changed` when its size is another one.
        """
        try:
            stat = self.path.stat()
        except OSError as error:
            raise source_gone(str(self.path)) from error
        if stat.st_size != self.bytes:
            raise self.changed(f"it had {self.bytes} bytes, now it has {stat.st_size}")
        return stat

    def is_same(self, found: os.stat_result) -> bool:
        """Whether what was found is this very file as it was, as can be told without reading it.

        Size and time can be set at will, and what is written twice at once has one time. When it
        was changed in any way can't be set. Raises `OSError`.
        """
        if self.is_touched(found):
            return False
        if self.seen_ns is not None:
            return found.st_ctime_ns == self.seen_ns
        if self.made_at is None:
            return True
        return not changed_since(self.path, found, self.read_ns, self.made_at)

    def is_touched(self, found: os.stat_result) -> bool:
        """Whether time or inode of what was found are others. Raises `OSError`.

        Somebody may have put a link to another file in its place. Network file systems make
        inodes up.
        """
        if found.st_mtime_ns != self.mtime_ns:
            return True
        same = self.inode is None or found.st_ino == self.inode
        return not same and network_kind(self.path) is None

    def changed(self, how: str) -> MediaError:
        """Say that the file is no longer the one that was submitted."""
        return MediaError(
            "source_changed",
            f"{self.path.name} has changed since it was found: {how}.",
            "Drop it again once nothing writes to it any more.",
        )


def content(path: Path, found: os.stat_result) -> str:
    """Read the content of the file that was found, once in a process. Raises `OSError`.

    A film that was given other rights is so not read for each of its steps.
    """
    version = found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns
    return _content(path, version)


@lru_cache(maxsize=64)
def _content(path: Path, _version: tuple[int, ...]) -> str:
    return fingerprint(path)
