"""The watchdog daemon: hears of new files at once, waits until they are whole, submits them."""

from __future__ import annotations

import logging
import queue
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from watchdog.events import (
    EVENT_TYPE_CLOSED,
    EVENT_TYPE_CREATED,
    EVENT_TYPE_MODIFIED,
    EVENT_TYPE_MOVED,
    FileSystemEvent,
    FileSystemEventHandler,
)
from watchdog.observers import Observer
from watchdog.observers.polling import PollingObserver

from pipeline.errors import ReelworksError
from pipeline.ingest.candidate import is_candidate
from pipeline.ingest.settling import Settling
from pipeline.tasks.ingest import submit_found, unknown_files

if TYPE_CHECKING:
    from watchdog.observers.api import BaseObserver

    from pipeline.app import Runtime
    from pipeline.settings.pipeline import WatchFolder

logger = logging.getLogger(__name__)

#: How often settled files are looked for, seconds: the most that watching adds to settling.
LOOK_S = 0.2
#: How often a polling observer lists its folder, seconds.
POLL_S = 1.0
#: How many files are read at the same time.
SUBMITTERS = 2
_TELLING = (EVENT_TYPE_CREATED, EVENT_TYPE_MODIFIED, EVENT_TYPE_CLOSED, EVENT_TYPE_MOVED)


class Hearing(FileSystemEventHandler):
    """Passes on which files of one watched folder something happened to."""

    def __init__(self, entry: WatchFolder, heard: queue.SimpleQueue[tuple[Path, WatchFolder]]):
        self._entry = entry
        self._heard = heard

    def on_any_event(self, event: FileSystemEvent) -> None:
        """Pass on files that are media to ingest; a moved folder is listed, it tells no files."""
        if event.event_type not in _TELLING:
            return
        moved = event.event_type == EVENT_TYPE_MOVED
        path = Path(str(event.dest_path if moved else event.src_path))
        if event.is_directory:
            for file in path.rglob("*") if event.event_type != EVENT_TYPE_MODIFIED else ():
                self._pass_on(file)
        else:
            self._pass_on(path)

    def _pass_on(self, path: Path) -> None:
        if path.is_relative_to(self._entry.path) and is_candidate(
            path.relative_to(self._entry.path), self._entry
        ):
            self._heard.put((path, self._entry))


class Watcher:
    """Watches every configured folder until `stop`.

    Files that are there already when it starts are found too: nothing that was dropped while
    nobody watched is lost.
    """

    def __init__(self, ready: Runtime) -> None:
        self._ready = ready
        self._heard: queue.SimpleQueue[tuple[Path, WatchFolder]] = queue.SimpleQueue()
        self._settling = Settling()
        self._stopping = threading.Event()
        # Reading a large file to fingerprint it must not keep small ones waiting.
        self._submitting = ThreadPoolExecutor(SUBMITTERS, thread_name_prefix="submit")
        self._submitted: list[Future[bool]] = []

    def stop(self) -> None:
        """Make `run` return soon; safe to call from a signal handler."""
        self._stopping.set()

    def run(self) -> None:
        """Watch until stopped. Raises `ReelworksError` when a folder can't be watched."""
        observers = [self._observe(entry) for entry in self._ready.settings.pipeline.watch]
        try:
            for entry in self._ready.settings.pipeline.watch:
                for path in unknown_files(self._ready, entry):
                    self._heard.put((path, entry))
            while not self._stopping.wait(LOOK_S):
                self._take_heard()
                for path in self._settling.settled(time.monotonic()):
                    self._submitted.append(self._submitting.submit(submit_found, path))
                self._check(observers)
        finally:
            for observer in observers:
                observer.stop()
                observer.join()
            self._submitting.shutdown(cancel_futures=True)

    def _observe(self, entry: WatchFolder) -> BaseObserver:
        entry.path.mkdir(parents=True, exist_ok=True)
        observer: BaseObserver = PollingObserver(timeout=POLL_S) if entry.polling else Observer()
        observer.schedule(Hearing(entry, self._heard), str(entry.path), recursive=True)
        try:
            observer.start()
        except OSError as problem:
            raise ReelworksError(
                "cannot_watch",
                f"{entry.path} can't be watched: {problem.strerror}.",
                "Raise fs.inotify.max_user_watches and max_user_instances, or set `polling: true` "
                "for this folder in pipeline.yml.",
            ) from problem
        logger.info("watching %s%s", entry.path, " (polling)" if entry.polling else "")
        return observer

    def _take_heard(self) -> None:
        while True:
            try:
                path, entry = self._heard.get_nowait()
            except queue.Empty:
                return
            self._settling.notice(path, time.monotonic(), entry.settle_seconds)

    def _check(self, observers: list[BaseObserver]) -> None:
        for done in [future for future in self._submitted if future.done()]:
            self._submitted.remove(done)
            done.result()  # what nobody foresaw ends the watcher: it is restarted, and rescans
        if not all(observer.is_alive() for observer in observers):
            raise ReelworksError(
                "watch_lost",
                "A watched folder can no longer be watched.",
                "Look whether it was removed or its file system went away; the watcher restarts.",
            )
