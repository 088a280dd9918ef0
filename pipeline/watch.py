"""The watch daemon: hears of new files at once, waits until they are whole, makes jobs of them."""

from __future__ import annotations

import errno
import logging
import os
import queue
import time
from concurrent.futures import Future, wait
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy.exc import SQLAlchemyError

from pipeline.errors import ReelworksError
from pipeline.history.errors import DatabaseFull
from pipeline.ingest.candidate import is_candidate
from pipeline.ingest.ears import Ears, Heard
from pipeline.ingest.hands import Hands, Looked
from pipeline.ingest.inotify_limits import HOW_TO_RAISE as RAISE
from pipeline.ingest.settling import Settling
from pipeline.ingest.sidecar import SUFFIX
from pipeline.ingest.survey import enters, is_marked, marked_by
from pipeline.tasks.taking import Taking

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipeline.app import Runtime
    from pipeline.settings.pipeline import WatchFolder

logger = logging.getLogger(__name__)

T = TypeVar("T")

#: The longest the loop sleeps when nothing happens, seconds.
LONGEST_SLEEP_S = 0.5
#: How often a polled folder is looked through, seconds, and how many times longer than a look takes
#: it is left alone: large shares are not kept busy.
POLL_S = 1.0
POLL_SHARE = 5.0
#: How often it is seen whether watched folders are still the ones that are watched, seconds.
CHECK_S = 5.0
#: A folder that could not be watched is looked through so often instead, seconds.
UNWATCHED_S = 10.0
#: How long after an error of the database that nobody foresaw a folder is looked through, seconds.
AGAIN_S = 10.0
#: How long folders are waited for at the start before those that answer are watched, seconds.
START_S = 10.0
#: From so many whole files at once on, their jobs are made together.
MANY = 20


class Watcher:
    """Watches every configured folder until `stop`.

    Files that are there already when it starts are found too: nothing that was dropped while
    nobody watched is lost. Reading files, the database and the broker are other threads' work, so
    that what the kernel tells is always heard; each folder has its own, so that one on a server
    that is gone holds up no other.
    """

    def __init__(self, ready: Runtime) -> None:
        self._ready = ready
        self._entries = ready.settings.pipeline.watch
        self._heard: queue.SimpleQueue[Heard | None] = queue.SimpleQueue()
        self._taking = Taking(ready, again=lambda path, entry: self._heard.put(Heard(path, entry)))
        self._settling = Settling()
        #: No `Event`: its lock may be held by what a signal interrupts, and whose handler stops us.
        self._stopping = False
        #: Whether what happens from now on is heard.
        self.listening = False
        #: Folders to look through, each with when that is due next (monotonic seconds).
        self._due: dict[Path, float] = {}
        self._every: dict[Path, float] = {}
        #: Folders that are watched: which ones they were when that began.
        self._places: dict[Path, tuple[int, int]] = {}
        self._hands = {entry.path: Hands(entry) for entry in self._entries}
        self._ears: Ears | None = None
        #: What is under way, of which folder's entry, and whether that is a look through all of it.
        self._working: dict[Future[Any], tuple[WatchFolder, bool]] = {}
        self._full = False

    def stop(self) -> None:
        """Make `run` return soon; safe to call from a signal handler."""
        self._stopping = True
        self._heard.put(None)

    def run(self) -> None:
        """Watch until stopped. Raises `ReelworksError` when a folder can't be watched."""
        checked_at = time.monotonic()
        try:
            wait([hands.look for hands in self._hands.values()], timeout=START_S)
            self._check_places()
            self.listening = True
            while not self._stopping:
                if self._has_room():
                    self._survey_what_is_due()
                    self._take_heard()
                    self._submit_settled()
                else:
                    time.sleep(LONGEST_SLEEP_S)
                self._look_at_work()
                if time.monotonic() - checked_at > CHECK_S:
                    checked_at = time.monotonic()
                    self._check_places()
        finally:
            if self._ears is not None:
                self._ears.stop()
                self._ears.join()
            for hands in self._hands.values():
                hands.let_go()
            for hands in self._hands.values():
                hands.finish()

    def _has_room(self) -> bool:
        """Whether the database can take new jobs; what is heard meanwhile is kept."""
        full = self._ready.db.lacks_room()
        if full is not None and not self._full:
            logger.warning("new files wait: %s", full.message)
        elif full is None and self._full:
            logger.info("there is room again: new files are taken")
        self._full = full is not None
        return not self._full

    def _take_up(self, entry: WatchFolder, found: Looked) -> None:
        """Begin to watch a folder, that has answered for the first time."""
        self._places[entry.path] = found.place
        self._due[entry.path] = 0.0
        if found.polled:
            self._every[entry.path] = POLL_S
            said = f" ({found.kind})" if found.kind else ""
            logger.info("watching %s by looking%s", entry.path, said)
            return
        try:
            if self._ears is None:
                ears = Ears(self._overflowed, self._unwatched)
                ears.start()
                self._ears = ears
            self._ears.listen(entry, self._heard.put)
            logger.info("watching %s", entry.path)
        except OSError as problem:
            self._look_instead(entry, problem)

    def _look_instead(self, entry: WatchFolder, problem: OSError) -> None:
        """Look through a folder again and again that can't be listened to."""
        if problem.errno not in (errno.EMFILE, errno.ENOSPC, errno.ENOSYS):
            raise problem
        self._every[entry.path] = UNWATCHED_S
        logger.warning(
            "%s is only looked through every %.0f s: %s. %s",
            *(entry.path, UNWATCHED_S, problem.strerror, RAISE),
        )

    def _overflowed(self) -> None:
        logger.warning("the kernel dropped events, so all folders are looked through: %s", RAISE)
        for entry in self._entries:
            self._heard.put(Heard(entry.path, entry, folder=True))

    def _unwatched(self, folder: bytes) -> None:
        entry = self._entry_for(Path(os.fsdecode(folder)))
        if entry is None or entry.path in self._every:
            return
        self._every[entry.path] = UNWATCHED_S
        logger.warning(
            "folders in %s can't be watched: it is looked through every %.0f s too. %s",
            *(entry.path, UNWATCHED_S, RAISE),
        )
        self._heard.put(Heard(entry.path, entry, folder=True))

    def _entry_for(self, path: Path) -> WatchFolder | None:
        return next((one for one in self._entries if path.is_relative_to(one.path)), None)

    def _take_heard(self) -> None:
        """Wait until something is heard or due, and take all that was heard."""
        now = time.monotonic()
        nexts = [now + LONGEST_SLEEP_S, *self._due.values()]
        if self._settling.next_at is not None:
            nexts.append(self._settling.next_at)
        timeout = max(0.0, min(nexts) - now)
        try:
            heard = self._heard.get(timeout=timeout) if timeout else self._heard.get_nowait()
            while True:
                if heard is not None:
                    self._notice(heard)
                heard = self._heard.get_nowait()
        except queue.Empty:
            return

    def _notice(self, heard: Heard) -> None:
        entry, path = heard.entry, heard.path
        if heard.folder:
            if enters(path, entry):
                self._start_survey(entry, path)
            return
        for told in (path, *_spoken_of(path, entry)):
            relative = told.relative_to(entry.path)
            if is_candidate(relative, entry) and is_marked(told, entry):
                at, settle_s = time.monotonic(), entry.settle_seconds
                self._settling.notice(told, at, settle_s, proven=heard.proven)

    def _submit_settled(self) -> None:
        whole: dict[Path, list[Path]] = {}
        for path in self._settling.settled(time.monotonic()):
            entry = self._entry_for(path)
            if entry is not None:
                whole.setdefault(entry.path, []).append(path)
        for entry in self._entries:
            paths = whole.get(entry.path, [])
            submit = self._hands[entry.path].submitting.submit
            if len(paths) >= MANY:
                these = partial(self._taking.take_these, entry, paths)
                self._work(submit(self._unless_full, entry, these), entry)
                continue
            for path in paths:
                one = partial(self._taking.take_one, path, entry)
                self._work(submit(self._unless_full, entry, one), entry)

    def _survey_what_is_due(self) -> None:
        now = time.monotonic()
        for entry in self._entries:
            if self._due.get(entry.path, now + 1) <= now:
                del self._due[entry.path]
                self._start_survey(entry, entry.path)

    def _start_survey(self, entry: WatchFolder, below: Path) -> None:
        surveying = self._hands[entry.path].surveying
        survey = partial(self._survey, entry, below)
        future = surveying.submit(self._unless_full, entry, survey)
        self._work(future, entry, whole=below == entry.path)

    def _survey(self, entry: WatchFolder, below: Path) -> float:
        """Look through the folder; what is not whole yet is noticed. Returns seconds taken."""
        began = time.monotonic()
        polled = self._every.get(entry.path) == POLL_S
        for batch in self._taking.take(entry, polled=polled, below=below):
            if self._stopping:
                break
            for one in batch.waiting if not polled else ():
                self._heard.put(Heard(Path(one.found.path), entry))
        return time.monotonic() - began

    def _unless_full(self, entry: WatchFolder, act: Callable[[], T]) -> T | None:
        """Do it; where the disk got full in the midst, look through the folder once more later."""
        try:
            return act()
        except DatabaseFull as full:
            logger.warning("%s is looked through again: %s", entry.path, full.message)
            self._heard.put(Heard(entry.path, entry, folder=True))
            return None

    def _work(self, future: Future[Any], entry: WatchFolder, *, whole: bool = False) -> None:
        self._working[future] = entry, whole
        future.add_done_callback(lambda _: self._heard.put(None))

    def _look_at_work(self) -> None:
        for done in [future for future in self._working if future.done()]:
            entry, whole = self._working.pop(done)
            try:
                took = done.result()  # what else nobody foresaw ends the watcher: it is restarted
            except SQLAlchemyError:
                logger.exception("%s is looked through again, after an error", entry.path)
                self._due.setdefault(entry.path, time.monotonic() + AGAIN_S)
                continue
            every = self._every.get(entry.path)
            if whole and every is not None and isinstance(took, float):
                pause_s = max(every, took * POLL_SHARE)
                self._due.setdefault(entry.path, time.monotonic() + pause_s)

    def _check_places(self) -> None:
        """See that the folders are those that are watched: not removed, moved or mounted over.

        One that does not answer is waited for, and taken up when it does.
        """
        same = True
        for entry in self._entries:
            found = self._hands[entry.path].looked()
            if found is None:
                continue
            if entry.path not in self._places:
                self._take_up(entry, found)
            same = same and found.place == self._places[entry.path]
        if not same or (self._ears is not None and not self._ears.is_alive()):
            raise ReelworksError(
                "watch_lost",
                "A watched folder can no longer be watched.",
                "Look whether it was removed or its file system went away; the watcher restarts.",
            )


def _spoken_of(path: Path, entry: WatchFolder) -> list[Path]:
    """List the media files that a sidecar or a marker is about."""
    if path.name.endswith(SUFFIX) and path.name != SUFFIX:
        return [path.with_name(path.name.removesuffix(SUFFIX))]
    return marked_by(path, entry)
