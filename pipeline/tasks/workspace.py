"""A job's files while it is worked on: finished under their own names, unfinished ones apart."""

from __future__ import annotations

import logging
import shutil
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pipeline.durability import flush, make_durably
from pipeline.plan.names import result_suffix
from pipeline.tasks.exchange import ASIDE, exchange, put_back

if TYPE_CHECKING:
    from pathlib import Path

    from pipeline.history.steps import Claim

logger = logging.getLogger(__name__)

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
    #: What has its finished name: what is recorded of it may be recorded twice.
    _published: set[Path] = field(default_factory=set, repr=False, compare=False)

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
        """Make the folder, and remove what earlier attempts at these steps left unfinished.

        What later attempts made stays: who is slow to begin may have been taken over already.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        for step, attempt in claim.attempts.items():
            for number, path in self._unfinished(step):
                if number <= attempt:
                    _remove(path)

    def discard(self, claim: Claim) -> None:
        """Remove what these very attempts left unfinished, and nothing of any other."""
        for step, attempt in claim.attempts.items():
            for number, path in self._unfinished(step):
                if number == attempt:
                    _remove(path)

    def _unfinished(self, step: str) -> list[tuple[int, Path]]:
        """List what attempts at a step left unfinished, each with the attempt's number."""
        found = list(self.folder.glob(f"{_stem(step)}.*{SCRATCH}*"))
        start = _stem(step)
        if step == "manifest":
            found, start = self.stagings(), self.job_id
        numbers = [path.name[len(start) + 1 :].partition(".")[0] for path in found]
        return [
            (int(number), path)
            for number, path in zip(numbers, found, strict=True)
            if number.isdigit()
        ]

    def stagings(self) -> list[Path]:
        """List the output folders of the job that are being built, or were exchanged for others."""
        return list((self.library / STAGING).glob(f"{self.job_id}.*"))

    def discard_staging(self) -> None:
        """Remove every output folder of the job that was being built. Raises `OSError`.

        One that was published, and was away as somebody was killed, goes back to its place first.
        """
        for path in self.stagings():
            if path.name.endswith(ASIDE):
                put_back(path)
            shutil.rmtree(path)

    def publish(self, step: str, attempt: int) -> Path:
        """Give an attempt's result, flushed before, its finished name.

        Nobody waits for the name to be on the disk: a result that is gone is made again. What has
        it already keeps it.
        """
        scratch = self.scratch(step, attempt)
        if scratch not in self._published:
            scratch.replace(self.result(step))
            self._published.add(scratch)
        return self.result(step)

    def discard_unfinished(self) -> None:
        """Remove every unfinished file of the job, and its folder when nothing else is in it."""
        for path in self.folder.glob(f"*{SCRATCH}*"):
            path.unlink(missing_ok=True)
        self.discard_staging()
        if self.folder.is_dir() and not any(self.folder.iterdir()):
            self.folder.rmdir()

    def aside(self) -> list[Path]:
        """List what was renamed away below `work`, to be removed: nobody needs it any more."""
        return list(self.work.glob(f"{self.job_id}.*"))

    def remove(self) -> None:
        """Remove everything the job has in work and staging."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self.discard_staging()


def publish_folder(staging: Path, final: Path) -> Path | None:
    """Make a built folder, flushed before, appear under its final name, by one rename.

    A folder of that name that an earlier, interrupted attempt published changes places with it:
    it is given back, to be removed when there is time.
    """
    make_durably(final.parent)
    former = staging if final.exists() else None
    if former is not None:
        exchange(staging, final)
    else:
        staging.rename(final)
    # Before the row says that it is there: one small write, however much is in the folder.
    flush(final.parent)
    return former


def _stem(step: str) -> str:
    return step.rpartition(":")[2]


def _remove(path: Path) -> None:
    if path.name.endswith(ASIDE):
        try:
            put_back(path)
        except OSError as problem:
            logger.warning("the results in %s can't be put back yet: %s", path, problem)
            return
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
