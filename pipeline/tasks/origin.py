"""Origin: a job's source file, where it is now, and whether it is still the one submitted."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.media.errors import MediaError, source_gone

if TYPE_CHECKING:
    from pipeline.models import Job
    from pipeline.plan.plan import Plan


@dataclass(frozen=True)
class Origin:
    """The source as it was submitted: its bytes, when it was last changed, and its content."""

    path: Path
    bytes: int
    mtime_ns: int
    fingerprint: str

    @classmethod
    def of(cls, job: Job) -> Origin:
        """Read it from the job's row: a source that was moved since is where that says."""
        return cls(Path(job.source_path), job.source_bytes, job.source_mtime_ns, job.fingerprint)

    def as_of(self, mtime_ns: int) -> Origin:
        """Give the same content with another time of its last change."""
        return replace(self, mtime_ns=mtime_ns)

    def as_source_of(self, plan: Plan) -> Plan:
        """Give the plan for the source where it is now; it was made where the source was then."""
        source = plan.source.model_copy(update={"path": str(self.path)})
        return plan.model_copy(update={"source": source})

    def checked_mtime_ns(self) -> int:
        """Tell when the file was last changed.

        Raises `MediaError`: `source_gone`, and `source_changed` when its size is another one.
        """
        try:
            stat = self.path.stat()
        except OSError as error:
            raise source_gone(str(self.path)) from error
        if stat.st_size != self.bytes:
            raise self.changed(f"it had {self.bytes} bytes, now it has {stat.st_size}")
        return stat.st_mtime_ns

    def changed(self, how: str) -> MediaError:
        """Say that the file is no longer the one that was submitted."""
        return MediaError(
            "source_changed",
            f"{self.path.name} has changed since it was found: {how}.",
            "Drop it again once nothing writes to it any more.",
        )
