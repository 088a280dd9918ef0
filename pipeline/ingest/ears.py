"""Ears: what the kernel tells of watched folders, by inotify through watchdog."""

from __future__ import annotations

import errno
import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from watchdog.events import (
    DirCreatedEvent,
    DirMovedEvent,
    FileClosedEvent,
    FileCreatedEvent,
    FileMovedEvent,
    FileSystemEvent,
    FileSystemEventHandler,
)
from watchdog.observers.api import BaseObserver
from watchdog.observers.inotify import InotifyFullEmitter
from watchdog.observers.inotify_c import InotifyFD

if TYPE_CHECKING:
    from watchdog.observers.inotify_c import (
        CallbackId,
        InotifyEvent,
        Mask,
        WatchCallback,
        WatchDescriptor,
    )

    from pipeline.settings.pipeline import WatchFolder

logger = logging.getLogger(__name__)

#: What is listened to. Not each write: a file that is written for an hour would tell of thousands,
#: and drown what matters in the kernel's queue.
LISTENED: list[type[FileSystemEvent]] = [
    FileCreatedEvent,
    FileClosedEvent,
    FileMovedEvent,
    DirCreatedEvent,
    DirMovedEvent,
]


@dataclass(frozen=True, slots=True)
class Heard:
    """Something happened at `path`, in the watched folder of `entry`.

    `proven` says that it proves a file whole: its writer closed it, or it was moved there. With
    `folder` it is one, which has to be looked through.
    """

    path: Path
    entry: WatchFolder
    proven: bool = False
    folder: bool = False


class Ears(BaseObserver):
    """Listens to folders. Raises `OSError` when there is no inotify instance left.

    `overflowed` is called when the kernel had to drop events; `unwatched` when a folder could not
    be watched, for the limit of watches: in both cases there may be files nobody hears of.
    """

    def __init__(
        self, overflowed: Callable[[], object], unwatched: Callable[[bytes], object]
    ) -> None:
        self._instance = _Instance(overflowed, unwatched)
        self._instance.start()
        super().__init__(InotifyFullEmitter, inotify_fd=self._instance)

    def listen(self, entry: WatchFolder, tell: Callable[[Heard], object]) -> None:
        """Listen to the folder, and to those in it. Raises `OSError`."""
        handler = Hearing(entry, tell)
        self.schedule(handler, str(entry.path), recursive=True, event_filter=LISTENED)

    def on_thread_stop(self) -> None:
        """Give the kernel its watches back."""
        super().on_thread_stop()
        self._instance.stop()
        self._instance.join()


class _Instance(InotifyFD):
    """One inotify instance, which tells when the kernel could not do all that was asked."""

    def __init__(
        self, overflowed: Callable[[], object], unwatched: Callable[[bytes], object]
    ) -> None:
        super().__init__()
        self._overflowed, self._unwatched = overflowed, unwatched

    def handle_event(self, event: InotifyEvent) -> None:
        """Handle the event; tell of an overflow, once watchdog has put its watches in order."""
        super().handle_event(event)
        if event.is_queue_overflow:
            self._overflowed()

    def add_callback(
        self, path: bytes, mask: Mask, callback: WatchCallback, id_: CallbackId
    ) -> WatchDescriptor:
        """Watch the path. Watchdog passes over subfolders that can't be watched: we tell."""
        try:
            return super().add_callback(path, mask, callback, id_)
        except OSError as problem:
            if problem.errno == errno.ENOSPC:
                self._unwatched(path)
            raise


class Hearing(FileSystemEventHandler):
    """Passes on which files and folders of one watched folder something happened to."""

    def __init__(self, entry: WatchFolder, tell: Callable[[Heard], object]) -> None:
        self._entry = entry
        self._tell = tell

    def on_any_event(self, event: FileSystemEvent) -> None:
        """Pass on what tells of a new file; a moved folder tells nothing of the files in it."""
        moved = isinstance(event, (FileMovedEvent, DirMovedEvent))
        place = event.dest_path if moved else event.src_path
        if not place:
            return  # it was moved away
        path = Path(str(place))
        proven = moved or isinstance(event, FileClosedEvent)
        folder = isinstance(event, (DirCreatedEvent, DirMovedEvent))
        if event.is_synthetic and not folder:
            return  # its folder is looked through
        if folder or not event.is_directory:
            self._tell(Heard(path, self._entry, proven=proven, folder=folder))
