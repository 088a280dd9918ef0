"""Watcher, scan, command line and web find the same files at the same time: one job each."""

from __future__ import annotations

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from sqlalchemy import select

from pipeline.models import Job, KnownFile
from pipeline.tasks import taking
from pipeline.tasks.ingest import submit_file, submit_in
from pipeline.tasks.taking import Taking

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pytest

    from tests.integration.ingest.inbox import Inbox

#: Files raced for, and how many of them at the same moment.
RACES = 200
TOGETHER = 20


def test_of_four_finders_of_a_file_one_makes_its_job(
    inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    published: list[str] = []

    def publish(job_id: str) -> bool:
        published.append(job_id)
        return True

    monkeypatch.setattr(taking, "launch", publish)
    watcher, scan = Taking(inbox.ready), Taking(inbox.ready)
    finders: list[Callable[[Path], object]] = [
        lambda path: watcher.take_one(path, inbox.folder),
        lambda path: scan.take_these(inbox.folder, [path]),
        lambda path: submit_file(path, by_hand=True),
        lambda path: submit_in(path, inbox.folder),
    ]
    with ThreadPoolExecutor(len(finders)) as pool:
        for first in range(0, RACES, TOGETHER):
            race(inbox, range(first, first + TOGETHER), finders, pool)
    with inbox.ready.db.read() as session:
        jobs = list(session.scalars(select(Job)))
        known = list(session.scalars(select(KnownFile)))
    assert Counter(job.source_path for job in jobs) == Counter(
        str(inbox.folder.path / f"{number}.mp4") for number in range(RACES)
    )
    assert sorted(published) == sorted(job.id for job in jobs), "each is published once"
    assert {row.path: row.job_id for row in known} == {job.source_path: job.id for job in jobs}


def race(
    inbox: Inbox,
    numbers: range,
    finders: list[Callable[[Path], object]],
    pool: ThreadPoolExecutor,
) -> None:
    """Let all finders find the same new files, beginning at the same moment."""
    paths = [inbox.put(f"{number}.mp4", f"film {number}") for number in numbers]
    start = threading.Barrier(len(finders))

    def find_all(find: Callable[[Path], object], begin: int) -> None:
        start.wait()
        for path in paths[begin:] + paths[:begin]:
            find(path)

    for ended in [pool.submit(find_all, find, at % 2) for at, find in enumerate(finders)]:
        ended.result()


def test_finders_of_copies_all_find_the_one_job(
    inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(taking, "launch", lambda _: True)
    finders: list[Callable[[Path], object]] = [
        *(lambda path: submit_in(path, inbox.folder) for _ in range(2)),
        *(lambda path: submit_file(path, by_hand=True) for _ in range(2)),
    ]
    first = inbox.submit(inbox.put("first.mp4", "one film")).job_id
    paths = [inbox.put(f"copy {number}.mp4", "one film") for number in range(TOGETHER)]
    start = threading.Barrier(len(finders), timeout=20)

    def find_all(find: Callable[[Path], object]) -> None:
        for path in paths:
            start.wait()
            find(path)

    with ThreadPoolExecutor(len(finders)) as pool:
        for ended in [pool.submit(find_all, find) for find in finders]:
            ended.result()
    with inbox.ready.db.read() as session:
        assert [job.id for job in session.scalars(select(Job))] == [first]
        known = {row.path: row.job_id for row in session.scalars(select(KnownFile))}
    assert known == dict.fromkeys([str(inbox.folder.path / "first.mp4"), *map(str, paths)], first)
