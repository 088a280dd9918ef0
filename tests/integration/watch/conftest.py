"""A watcher in a thread of its own, on the first watched folder; what it publishes is noted."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select

from pipeline.app import Runtime
from pipeline.models import Job
from pipeline.tasks import taking
from pipeline.watch import Watcher

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    from pipeline.settings.pipeline import WatchFolder

#: Longer than any test waits: what is taken in a test was proven whole, not waited for.
NEVER_S = 600.0


class Watched:
    """A watched folder, with its watcher, and the jobs that it makes."""

    def __init__(self, ready: Runtime, root: Path) -> None:
        self._given = ready
        self.ready = ready
        self.root = root
        self.published: list[str] = []
        self.watcher: Watcher | None = None
        self.problem: BaseException | None = None
        self.rules(settle_seconds=NEVER_S)

    @property
    def entry(self) -> WatchFolder:
        return self.ready.settings.pipeline.watch[0]

    @property
    def inbox(self) -> Path:
        return self.entry.path

    def rules(self, **rules: Any) -> None:
        """Change what the folder's entry says; the second folder is not watched."""
        settings = self.ready.settings
        entry = settings.pipeline.watch[0].model_copy(update=rules)
        pipeline = settings.pipeline.model_copy(update={"watch": (entry,)})
        object.__setattr__(self._given, "settings", _with(settings, pipeline))

    def beside(self, name: str) -> WatchFolder:
        """Watch one more folder, by looking."""
        settings = self.ready.settings
        told = {"path": self.root / name, "polling": True, "settle_seconds": 0.2}
        other = self.entry.model_copy(update=told)
        pipeline = settings.pipeline.model_copy(update={"watch": (self.entry, other)})
        object.__setattr__(self._given, "settings", _with(settings, pipeline))
        return other

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Watch inside the block; what ended the watcher by itself is in `problem`."""
        watcher = self.watcher = Watcher(self.ready)

        def run() -> None:
            try:
                watcher.run()
            except BaseException as problem:  # noqa: BLE001 - looked at by tests
                self.problem = problem

        thread = threading.Thread(target=run)
        thread.start()
        try:
            self.until(lambda: watcher.listening or self.problem is not None)
            yield
        finally:
            watcher.stop()
            thread.join(20)
            assert not thread.is_alive()

    def jobs(self) -> dict[str, Job]:
        """Give the jobs by the names of their files."""
        with self.ready.db.read() as session:
            found = session.scalars(select(Job).order_by(Job.created_at))
            return {Path(job.original_path).name: job for job in found}

    def names(self) -> list[str]:
        return sorted(self.jobs())

    def until(self, look: Callable[[], object], patience_s: float = 20.0) -> None:
        until = time.monotonic() + patience_s
        while not look():
            assert time.monotonic() < until, f"in vain; there are {self.names()}"
            time.sleep(0.02)

    def quietly(self, seconds: float = 0.7) -> None:
        """Wait a while in which nothing should happen."""
        time.sleep(seconds)


def _with(settings: Any, pipeline: Any) -> Any:
    from dataclasses import replace

    return replace(settings, pipeline=pipeline)


@pytest.fixture
def watched(ready: Runtime, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Watched:
    made = Watched(ready, tmp_path)

    def publish(job_id: str) -> bool:
        made.published.append(job_id)
        return True

    monkeypatch.setattr(taking, "launch", publish)
    return made
