"""Origin: a job's source file, where it is now, and whether it is still the one submitted."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.ingest.mounts import network_kind
from pipeline.media.errors import MediaError, source_gone

if TYPE_CHECKING:
    import os

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

    @classmethod
    def of(cls, job: Job) -> Origin:
        """Read it from the job's row: a source that was moved since is where that says."""
        path, inode = Path(job.source_path), job.source_inode
        return cls(path, job.source_bytes, job.source_mtime_ns, job.fingerprint, inode)

    def as_of(self, found: os.stat_result) -> Origin:
        """Give the same content in the file that was found: touched, or copied there."""
        return replace(self, mtime_ns=found.st_mtime_ns, inode=found.st_ino)

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
        """Whether what was found is this very file, as its time and inode tell without reading it.

        Somebody may have put a link to another file in its place, and size and time of its own
        can be set at will; inodes can't, but network file systems make them up. Raises `OSError`.
        """
        if found.st_mtime_ns != self.mtime_ns:
            return False
        same = self.inode is None or found.st_ino == self.inode
        return same or network_kind(self.path) is not None

    def changed(self, how: str) -> MediaError:
        """Say that the file is no longer the one that was submitted."""
        return MediaError(
            "source_changed",
            f"{self.path.name} has changed since it was found: {how}.",
            "Drop it again once nothing writes to it any more.",
        )
