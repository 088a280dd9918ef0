"""Wait until files stop changing: what the watcher and the scan both ask before they submit."""

from __future__ import annotations

import heapq
import itertools
import os
import stat
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path

from pipeline.ingest.candidate import COMPANIONS
from pipeline.ingest.whole import being_written, ends_early

#: A file that says itself it is incomplete, and one that went on growing after it was taken for
#: whole, is given at most this many settling times.
PATIENCE = 10
#: A writer that came back after a pause may come back after another one: a file that grew again
#: must stay as it is for so many times the longest pause seen.
PAUSES = 3
#: How often a file that somebody still writes is looked at, seconds, at the latest.
LOOK_S = 2.0
#: How many files handed out are remembered, to know those that grow afterwards.
REMEMBERED = 10_000

#: Size in bytes and time of the last change: what must stay. Not the inode, which network file
#: systems make up.
Version = tuple[int, int]


@dataclass
class _Seen:
    version: Version
    since: float
    settle_s: float
    proven: bool
    #: Which of its entries in the queue is the valid one.
    turn: int = 0


class Settling:
    """Files that were seen and may still be changing, each with when it last did.

    `notice` a file whenever something happens to it; `settled` hands out, once, those that are
    whole: proven so by an event and written by nobody, or as they are for their settling time.
    Times are seconds of any monotonic clock, given by the caller.
    """

    def __init__(self) -> None:
        self._seen: dict[Path, _Seen] = {}
        self._queue: list[tuple[float, int, Path]] = []
        self._turns = itertools.count()
        #: What was handed out, when, and how long its writer may still pause.
        self._given: OrderedDict[Path, tuple[Version, float, float]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._seen)

    @property
    def next_at(self) -> float | None:
        """When `settled` is worth asking next; None when nothing waits."""
        return self._queue[0][0] if self._queue else None

    def notice(
        self, path: Path, at: float, settle_s: float, *, proven: bool = False, quiet_s: float = 0.0
    ) -> None:
        """Watch the file from now on; a file that is gone is forgotten.

        `proven` says that an event has just told that its writer is done with it; `quiet_s` that
        it has been as it is for so long already.
        """
        version = _version(path)
        if version is None:
            self.forget(path)
            return
        seen = self._seen.get(path)
        if seen is None or seen.version != version:
            pause_s = self._pause_s(path, version, at)
            wait_s = max(settle_s, min(pause_s * PAUSES, settle_s * PATIENCE))
            proven, quiet_s = proven and not pause_s, 0.0 if pause_s else quiet_s
            seen = self._seen[path] = _Seen(version, at - quiet_s, wait_s, proven)
        elif proven and not self._pause_s(path, version, at):
            seen.proven = True
        elif at - quiet_s < seen.since:
            seen.since = at - quiet_s
        else:
            return
        self._wait(path, seen, at if seen.proven else seen.since + seen.settle_s)

    def forget(self, path: Path) -> None:
        """Stop watching the file."""
        self._seen.pop(path, None)

    def settled(self, at: float) -> list[Path]:
        """Hand out the files that are whole at the moment `at`; they are no longer watched."""
        ready = []
        while self._queue and self._queue[0][0] <= at:
            _, turn, path = heapq.heappop(self._queue)
            seen = self._seen.get(path)
            if seen is None or seen.turn != turn:
                continue
            again_at = self._look(path, seen, at)
            if again_at is None:
                continue
            if again_at > at:
                self._wait(path, seen, again_at)
                continue
            ready.append(path)
            self._give(path, seen, at)
        return ready

    def _look(self, path: Path, seen: _Seen, at: float) -> float | None:
        """Tell when to look again: now for a file that is whole, None for one that is gone."""
        version = _version(path)
        if version is None:
            del self._seen[path]
            return None
        if version != seen.version:
            seen.version, seen.since, seen.proven = version, at, False
            return at + seen.settle_s
        quiet_s = at - seen.since
        if quiet_s < seen.settle_s and not seen.proven:
            return seen.since + seen.settle_s
        try:
            if being_written(path) or _is_being_fetched(path):
                seen.since, seen.proven = at, False
                return at + min(seen.settle_s, LOOK_S)
            if quiet_s < seen.settle_s * PATIENCE and ends_early(path):
                seen.proven = False
                return min(at + min(seen.settle_s, LOOK_S), seen.since + seen.settle_s * PATIENCE)
        except OSError:
            # It went away, or can't be read: say so when it is submitted, where it is reported.
            return at
        return at

    def _wait(self, path: Path, seen: _Seen, until: float) -> None:
        seen.turn = next(self._turns)
        heapq.heappush(self._queue, (until, seen.turn, path))

    def _give(self, path: Path, seen: _Seen, at: float) -> None:
        del self._seen[path]
        _, _, pause_s = self._given.pop(path, ((0, 0), 0.0, 0.0))
        self._given[path] = seen.version, at, pause_s
        while len(self._given) > REMEMBERED:
            self._given.popitem(last=False)

    def _pause_s(self, path: Path, version: Version, at: float) -> float:
        """Tell the longest pause of a writer who went on after the file was handed out, or 0."""
        given = self._given.get(path)
        if given is None or given[0] == version or version[0] < given[0][0]:
            return 0.0
        pause_s = max(given[2], at - given[1])
        self._given[path] = given[0], given[1], pause_s
        return pause_s


def _version(path: Path) -> Version | None:
    try:
        found = path.lstat()
    except OSError:
        return None
    if not stat.S_ISREG(found.st_mode):
        return None  # a link, pipe or device: nothing to open
    return found.st_size, found.st_mtime_ns


def _is_being_fetched(path: Path) -> bool:
    """Whether a companion tells of a program that still fetches the file under its own name."""
    return any(os.path.lexists(f"{path}{ending}") for ending in COMPANIONS)
