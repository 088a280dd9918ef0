"""A job's files while it is worked on: finished under their own names, unfinished ones apart."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.plan.names import result_suffix

if TYPE_CHECKING:
    from pathlib import Path

    from pipeline.history.steps import Claim

#: The part of a name that only unfinished files have.
SCRATCH = ".tmp"
#: The hidden folder of the library in which an output folder is built before it appears.
STAGING = ".staging"


@dataclass(frozen=True)
class Workspace:
    """The files of one job below `work` and `library`. Nothing is made until `open`."""

    work: Path
    library: Path
    job_id: str

    @property
    def folder(self) -> Path:
        """Where the job's finished steps keep their results."""
        return self.work / self.job_id

    def result(self, step: str) -> Path:
        """Name the finished result of a step."""
        return self.folder / f"{_stem(step)}{result_suffix(step)}"

    def scratch(self, step: str, attempt: int) -> Path:
        """Name the unfinished result of one attempt at a step; no other attempt has that name."""
        return self.folder / f"{_stem(step)}.{attempt}{SCRATCH}{result_suffix(step)}"

    def staging(self, attempt: int) -> Path:
        """Name the folder in which one attempt builds the output folder."""
        return self.library / STAGING / f"{self.job_id}.{attempt}"

    def open(self, claim: Claim) -> None:
        """Make the folder, and remove what earlier attempts at these steps left unfinished."""
        self.folder.mkdir(parents=True, exist_ok=True)
        for step in claim.names:
            self.discard(step)

    def discard(self, step: str) -> None:
        """Remove every unfinished result of a step, whichever attempt it was."""
        for path in self.folder.glob(f"{_stem(step)}.*{SCRATCH}*"):
            path.unlink(missing_ok=True)
        if step == "manifest":
            self.discard_staging()

    def discard_staging(self) -> None:
        """Remove every output folder of the job that was being built."""
        for path in (self.library / STAGING).glob(f"{self.job_id}.*"):
            shutil.rmtree(path, ignore_errors=True)

    def publish(self, step: str, attempt: int) -> Path:
        """Give an attempt's result its finished name, whole on disk before it appears."""
        scratch, result = self.scratch(step, attempt), self.result(step)
        flush(scratch)
        scratch.replace(result)
        return result

    def discard_unfinished(self) -> None:
        """Remove every unfinished file of the job, and its folder when nothing else is in it."""
        for path in self.folder.glob(f"*{SCRATCH}*"):
            path.unlink(missing_ok=True)
        self.discard_staging()
        if self.folder.is_dir() and not any(self.folder.iterdir()):
            self.folder.rmdir()

    def remove(self) -> None:
        """Remove everything the job has in work and staging."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self.discard_staging()


def publish_folder(staging: Path, final: Path) -> None:
    """Make a built folder appear under its final name, by one rename.

    A folder of that name that an earlier, interrupted attempt published is replaced.
    """
    for path in sorted(staging.rglob("*")):
        flush(path)
    flush(staging)
    final.parent.mkdir(parents=True, exist_ok=True)
    if final.exists():
        former = staging.with_name(f"{staging.name}.former")
        final.rename(former)
        staging.rename(final)
        shutil.rmtree(former)
    else:
        staging.rename(final)
    flush(final.parent)


def flush(path: Path) -> None:
    """Force a file or a folder's entries to disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _stem(step: str) -> str:
    return step.rpartition(":")[2]
