"""Scans that wait, for files or for a server that is gone, leave threads to the alerts."""

from __future__ import annotations

import threading
from concurrent.futures import wait
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.ingest import folder_scan, hands
from pipeline.stack.roles import NOTIFY_SLOTS
from pipeline.tasks import ingest
from pipeline.tasks.timed import Told

if TYPE_CHECKING:
    import os

    import pytest

    from pipeline.app import Runtime


def test_scans_never_hold_every_thread_of_their_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    go_on, waiting = threading.Event(), threading.Semaphore(0)

    def wait(_folder: str | None) -> Told:
        waiting.release()
        go_on.wait(10)
        return Told("one")

    monkeypatch.setattr(ingest, "_scan", wait)
    assert ingest.MOST_SCANS < NOTIFY_SLOTS
    scans = [threading.Thread(target=ingest.scan) for _ in range(ingest.MOST_SCANS)]
    for one in scans:
        one.start()
    assert all(waiting.acquire(timeout=10) for _ in scans)
    assert ingest.scan().summary.startswith("left to the next scan"), "it returns at once"
    go_on.set()
    for one in scans:
        one.join()
    assert ingest.scan() == Told("one")


def test_a_folder_that_does_not_answer_is_given_up_and_left_until_it_does(
    ready: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = ready.settings.pipeline.watch[0]
    folder, begun = str(entry.path), list[str]()
    answers, stat = threading.Event(), Path.stat

    def stat_of(path: Path, **options: Any) -> os.stat_result:
        if path == entry.path:
            begun.append(threading.current_thread().name)
            answers.wait(30)
        return stat(path, **options)

    monkeypatch.setattr(Path, "stat", stat_of)
    monkeypatch.setattr(hands, "HUNG_S", 0.05)
    monkeypatch.setattr(ingest, "LOOK_S", 0.01)
    try:
        assert ingest.scan(folder).summary == f"0 new jobs; {folder} does not answer"
        held = len(begun)
        assert ingest.scan(folder).facts == {"made": 0, "silent": [folder]}
        assert len(begun) == held, "no further thread is given to it"
    finally:
        answers.set()
    wait([one for given_up in folder_scan._given_up.values() for one in given_up], 10)
    assert ingest.scan(folder).summary == "0 new jobs"
