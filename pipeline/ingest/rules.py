"""Rules: what a watched folder's entry says of its files, once they are done with."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.models import JobState

if TYPE_CHECKING:
    from pipeline.models import Job
    from pipeline.settings.pipeline import WatchFolder


@dataclass(frozen=True)
class Rules:
    """Whether a source is kept, moved or deleted, and where to."""

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
