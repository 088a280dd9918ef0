"""Scans that wait for files leave threads to the alerts."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from pipeline.stack.roles import NOTIFY_SLOTS
from pipeline.tasks import ingest

if TYPE_CHECKING:
    import pytest


def test_scans_never_hold_every_thread_of_their_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    go_on, waiting = threading.Event(), threading.Semaphore(0)

    def wait(_folder: str | None) -> int:
        waiting.release()
        go_on.wait(10)
        return 1

    monkeypatch.setattr(ingest, "_scan", wait)
    assert ingest.MOST_SCANS < NOTIFY_SLOTS
    scans = [threading.Thread(target=ingest.scan) for _ in range(ingest.MOST_SCANS)]
    for one in scans:
        one.start()
    assert all(waiting.acquire(timeout=10) for _ in scans)
    assert ingest.scan() == 0, "it returns at once"
    go_on.set()
    for one in scans:
        one.join()
    assert ingest.scan() == 1
