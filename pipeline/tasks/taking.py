"""Taking: what the watcher and the scan do with what they find in a watched folder."""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.app import runtime
from pipeline.errors import ReelworksError
from pipeline.history import jobs
from pipeline.history.errors import WrongState
from pipeline.ingest.intake import Waiting, create_new, forget_seen, sort, unknown
from pipeline.ingest.submit import BAD_SIDECAR, Actions, Submitted, Wishes, submit
from pipeline.ingest.survey import Found, has_usable_name, in_batches, look, survey
from pipeline.models import JobState
from pipeline.settings.errors import ConfigurationError
from pipeline.tasks.finalise import end_in, finalise, follow
from pipeline.workflows import launch, reopen

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from sqlalchemy.orm import Session

    from pipeline.app import Runtime
    from pipeline.settings.pipeline import WatchFolder

logger = logging.getLogger(__name__)

#: A broker that refused a job is left alone for so long, seconds: each try can take seconds, and
#: the reconciler publishes what is owed.
REFUSED_S = 10.0
#: How many jobs made at once are published at once. The rest are in the database, and the
#: reconciler publishes them as those before them are done.
AT_ONCE = 100


def actions(publish: Callable[[str], object] | None = None) -> Actions:
    """Give what submitting asks of others, with this way to publish."""
    return Actions(publish or launch, _rerun, _supersede)


def _rerun(session: Session, job_id: str) -> bool:
    """Open the job again, unless there is another that does its work now."""
    try:
        reopen(runtime(), job_id, session)
    except WrongState as why:
        logger.warning("job %s is not run again: %s", job_id, why)
        return False
    return True


def _supersede(job_id: str, error: ReelworksError) -> None:
    finalise(runtime(), job_id, JobState.CANCELLED, error=error)


class Publisher:
    """Publishes jobs as long as the broker takes them; what it refuses stays owed to it.

    So a broker that is down keeps no file from becoming a job. Used by several threads.
    """

    def __init__(self, publish: Callable[[str], bool] | None = None) -> None:
        self._publish = publish or launch
        self._lock = threading.Lock()
        self._refused_until = 0.0

    def __call__(self, job_id: str) -> bool:
        """Put the job on the broker; False when that is left to the reconciler."""
        with self._lock:
            if time.monotonic() < self._refused_until:
                return False
        if self._publish(job_id):
            return True
        with self._lock:
            self._refused_until = time.monotonic() + REFUSED_S
        return False


@dataclass(frozen=True)
class Batch:
    """What became of some files of a survey: how many jobs, and which files are not whole yet."""

    made: int
    waiting: Sequence[Waiting]


class Taking:
    """Makes jobs of the files of watched folders. Used by several threads."""

    def __init__(
        self,
        ready: Runtime,
        publish: Callable[[str], bool] | None = None,
        again: Callable[[Path, WatchFolder], object] = lambda *_: None,
    ) -> None:
        """`again` is told of files to look at once more: they changed while they were read."""
        self._ready = ready
        self._again = again
        self._publish = publish or Publisher()
        self._actions = actions(self._publish)

    def take(
        self, entry: WatchFolder, *, polled: bool, below: Path | None = None
    ) -> Iterator[Batch]:
        """Survey the folder, or the part of it at `below`, and make jobs of what is new and whole.

        Yields as it goes along, so that a caller can stop between batches.
        """
        if not _is_there(entry.path):
            logger.warning("the watched folder %s is not there", entry.path)
            return
        room = AT_ONCE
        for batch in in_batches(survey(entry, below)):
            fresh = unknown(self._ready, entry, batch)
            whole, waiting = sort(self._ready, entry, fresh, polled=polled)
            made = self._take(entry, whole, room) if whole else 0
            room = max(0, room - made)
            if polled and whole:
                forget_seen(self._ready, whole)
            yield Batch(made, waiting)

    def take_these(self, entry: WatchFolder, paths: Sequence[Path]) -> int:
        """Make jobs of these whole files; tells of how many."""
        found = [one for path in paths if (one := _looked_at(path, entry)) is not None]
        return self._take(entry, unknown(self._ready, entry, found), AT_ONCE)

    def take_if_whole(self, path: Path, entry: WatchFolder, *, polled: bool) -> None:
        """Submit one file that somebody heard of before, once nobody writes to it."""
        found = _looked_at(path, entry)
        fresh = [] if found is None else unknown(self._ready, entry, [found])
        whole, _ = sort(self._ready, entry, fresh, polled=polled)
        for one in whole:
            self.submit(Path(one.path), entry)
        if polled and whole:
            forget_seen(self._ready, whole)

    def take_one(self, path: Path, entry: WatchFolder) -> None:
        """Submit one whole file, unless it is no file to ingest at all."""
        found = _looked_at(path, entry)
        if found is not None and (entry.marker is None or found.marked) and has_usable_name(found):
            self.submit(path, entry)

    def _take(self, entry: WatchFolder, whole: Sequence[Found], room: int) -> int:
        ids, others = create_new(self._ready, entry, whole)
        if ids:
            logger.info("submitted %d files of %s", len(ids), entry.path)
        for job_id in ids[:room]:
            self._publish(job_id)
        singles = [self.submit(Path(one.path), entry) for one in others]
        return len(ids) + sum(one is not None and one.created for one in singles)

    def submit(self, path: Path, entry: WatchFolder) -> Submitted | None:
        """Submit a file nobody waits for an answer about; None when it stays as it is.

        What is wrong with it is logged. A wrong sidecar fails its job, where people look.
        """
        wishes = Wishes.of(entry)
        try:
            submitted = submit(self._ready, path, wishes, self._actions)
        except ConfigurationError as error:
            return self._refuse(path, wishes, error)
        except ReelworksError as error:
            logger.warning("%s was not submitted: %s", path, error)
            if error.transient or error.code == "source_changed":
                self._again(path, entry)
            return None
        word = "began again" if submitted.restarted else "submitted"
        word = word if submitted.created or submitted.restarted else "already known:"
        logger.info("%s %s as job %s", word, path, submitted.job_id)
        return submitted

    def _refuse(self, path: Path, wishes: Wishes, why: ConfigurationError) -> Submitted | None:
        """Make the job of a file whose sidecar is wrong, and fail it: it is never worked on."""
        # The sidecar goes where its file goes: its name stays true, its folder does not.
        told = why.message.removeprefix(f"{path.parent}/")
        error = ReelworksError(BAD_SIDECAR, told, why.hint)

        failed = JobState.FAILED
        refusing = Actions(
            # In the transaction that makes it: who dies behind it leaves nothing to work on.
            publish=lambda job_id: follow(self._ready, job_id, failed),
            rerun=self._begin_refused,
            supersede=_supersede,
            refuse=partial(end_in, ready=self._ready, state=failed, error=error),
        )
        plain = replace(wishes, sidecar=False)
        try:
            return submit(self._ready, path, plain, refusing)
        except ReelworksError as problem:
            logger.warning("%s was not submitted: %s", path, problem)
            return None

    def _begin_refused(self, session: Session, job_id: str) -> bool:
        """Open an ended job again, only to end it for what is wrong with its new file."""
        deadline = self._ready.settings.pipeline.limits.deadline
        jobs.reopen(session, job_id, deadline, afresh=True, rebuild=True)
        return True


def _looked_at(path: Path, entry: WatchFolder) -> Found | None:
    try:
        return look(path, entry)
    except OSError as problem:
        logger.warning("%s is passed over: %s", path, problem.strerror)
        return None


def _is_there(folder: Path) -> bool:
    try:
        return folder.is_dir()
    except OSError as problem:
        logger.warning("%s can't be looked at: %s", folder, problem.strerror)
        return False
