"""Wait until files stop changing: what the watcher and the scan both ask before they submit."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pipeline.history.known import Identity
from pipeline.ingest.whole import being_written, ends_early

#: A file that says itself it is incomplete is given this many settling times before it is
#: submitted as it is, to fail with an error that names it as truncated.
PATIENCE = 10


@dataclass
class _Seen:
    identity: Identity
    since: float
    settle_s: float


class Settling:
    """Files that were seen and may still be changing, each with when it last did.

    `notice` a file whenever something happens to it; `settled` hands out, once, those that have
    stayed as they are for their settling time and that nobody is writing. Times are seconds of
    any monotonic clock, given by the caller.
    """

    def __init__(self) -> None:
        self._seen: dict[Path, _Seen] = {}

    def __len__(self) -> int:
        return len(self._seen)

    def notice(self, path: Path, at: float, settle_s: float) -> None:
        """Watch the file from now on; a file that is gone is forgotten."""
        identity = _identity(path)
        if identity is None:
            self._seen.pop(path, None)
            return
        seen = self._seen.get(path)
        if seen is None or seen.identity != identity:
            self._seen[path] = _Seen(identity, at, settle_s)

    def forget(self, path: Path) -> None:
        """Stop watching the file."""
        self._seen.pop(path, None)

    def settled(self, at: float) -> list[Path]:
        """Hand out the files that are whole at the moment `at`; they are no longer watched."""
        ready = [path for path in list(self._seen) if self._is_settled(path, at)]
        for path in ready:
            del self._seen[path]
        return ready

    def _is_settled(self, path: Path, at: float) -> bool:
        seen = self._seen[path]
        identity = _identity(path)
        if identity is None:
            del self._seen[path]
            return False
        if identity != seen.identity:
            self._seen[path] = _Seen(identity, at, seen.settle_s)
            return False
        quiet_s = at - seen.since
        if quiet_s < seen.settle_s:
            return False
        try:
            if being_written(path):
                seen.since = at
                return False
            return quiet_s >= seen.settle_s * PATIENCE or not ends_early(path)
        except OSError:
            # It went away, or can't be read: say so when it is submitted, where it is reported.
            return True


def _identity(path: Path) -> Identity | None:
    try:
        return Identity.of(path.stat())
    except OSError:
        return None
