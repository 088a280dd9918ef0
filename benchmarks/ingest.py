"""Scans of a folder of 100,000 files, and 5,000 files moved in while there is no broker."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from benchmarks.private import CONFIG, PATIENCE_S
from benchmarks.report import Report

if TYPE_CHECKING:
    from collections.abc import Iterator

PRESENT = 100_000
#: How many files a folder of the inbox holds.
A_FOLDER = 1000
MOVED = 5000
GOALS = {
    "first scan of 100,000 files, seconds": 30.0,
    "second scan, nothing new, seconds": 5.0,
    "watcher that takes 100,000 files, peak MB": 200.0,
    "files moved in without a job": 0.0,
}
_SCAN = (
    "import time; from pipeline.app import runtime; runtime().prepare(); "
    "from pipeline.tasks.ingest import scan; began, used = time.monotonic(), time.process_time(); "
    "made = scan(); print(made, time.monotonic() - began, time.process_time() - used)"
)


def run() -> Report:
    """Scan and watch with the embedded database. No workers run: what is measured is ours."""
    with tempfile.TemporaryDirectory(prefix="reelworks-bench-") as name:
        root = Path(name)
        folder = Place(root / "scanned")
        folder.fill(PRESENT)
        first, second = _scan(folder), _scan(folder)
        if (first[0], second[0]) != (PRESENT, 0):
            raise RuntimeError(f"the scans made {first[0]} and {second[0]} jobs")
        watched_s, peak_mb = _watch(folder)
        moved_s, missing, took_s = _move_in(Place(root / "moved"))
    figures = {
        "first scan of 100,000 files, seconds": first[1],
        "of which CPU seconds": first[2],
        "second scan, nothing new, seconds": second[1],
        "of which CPU seconds again": second[2],
        "watcher that takes 100,000 files, seconds": watched_s,
        "watcher that takes 100,000 files, peak MB": peak_mb,
        "5,000 files moved in, seconds of moving": moved_s,
        "from the last move to the last job, seconds": took_s,
        "files moved in without a job": float(missing),
    }
    notes = (
        "files of about 20 bytes, each of other content, 1,000 in a folder; SQLite",
        "the broker is down all the time: every job is owed to it",
    )
    return Report("ingest", figures, GOALS, notes)


class Place:
    """A configuration in a folder of its own, with an inbox and a database."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.inbox = root / "media" / "inbox"
        self.database = root / "media" / "state" / "reelworks.db"
        shutil.copytree(CONFIG, root / "config")
        document = yaml.safe_load((root / "config" / "pipeline.yml").read_text())
        document["watch"][0]["on_success"] = "keep"
        (root / "config" / "pipeline.yml").write_text(yaml.safe_dump(document))
        self.inbox.mkdir(parents=True)
        self.environment = {**os.environ, "REELWORKS_CONFIG": str(root / "config")}

    def fill(self, count: int) -> None:
        """Put files there, and leave them alone until they have settled."""
        for number in range(count):
            folder = self.inbox / f"{number // A_FOLDER:03}"
            if number % A_FOLDER == 0:
                folder.mkdir()
            (folder / f"{number}.mp4").write_text(f"a clip, number {number}")
        time.sleep(3)

    def jobs(self) -> int:
        """Count the jobs."""
        try:
            with sqlite3.connect(f"file:{self.database}?mode=ro", uri=True, timeout=60) as tables:
                return int(tables.execute("SELECT count(*) FROM jobs").fetchone()[0])
        except sqlite3.OperationalError:
            return 0  # it is not made yet

    def wait_for(self, count: int, patience_s: float = PATIENCE_S) -> None:
        """Wait until there are so many jobs, or patience ends."""
        until = time.monotonic() + patience_s
        while self.jobs() < count and time.monotonic() < until:
            time.sleep(0.2)

    @contextmanager
    def watcher(self) -> Iterator[int]:
        """Watch the inbox; gives the process's id."""
        with (self.root / "watch.log").open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "pipeline.cli", "watch"],
                env=self.environment,
                cwd=self.root,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        try:
            yield process.pid
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(60)


def _scan(place: Place) -> tuple[int, float, float]:
    """Scan the inbox as the scheduled task does; tells of new jobs, seconds and CPU seconds."""
    done = subprocess.run(
        [sys.executable, "-c", _SCAN],
        env=place.environment,
        cwd=place.root,
        check=True,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    made, seconds, used = done.stdout.split()
    return int(made), float(seconds), float(used)


def _watch(place: Place) -> tuple[float, float]:
    """Start a watcher on the same files, none of which has a job."""
    shutil.rmtree(place.root / "media" / "state")
    began = time.monotonic()
    with place.watcher() as pid:
        place.wait_for(PRESENT)
        took_s = time.monotonic() - began
        time.sleep(5)
        peak_mb = _peak_mb(pid)
    return took_s, peak_mb


def _move_in(place: Place) -> tuple[float, int, float]:
    """Move files into a watched inbox, one right after the other."""
    outside = place.root / "outside"
    outside.mkdir()
    for number in range(MOVED):
        (outside / f"{number}.mp4").write_text(f"a clip, number {number}")
    with place.watcher():
        while "watching" not in (place.root / "watch.log").read_text():
            time.sleep(0.1)
        time.sleep(2)
        began = time.monotonic()
        for number in range(MOVED):
            (outside / f"{number}.mp4").rename(place.inbox / f"{number}.mp4")
        moved = time.monotonic()
        place.wait_for(MOVED, 120)
        ended = time.monotonic()
    return moved - began, MOVED - place.jobs(), ended - moved


def _peak_mb(pid: int) -> float:
    """Tell the most memory that the process has held, MB (proc(5), VmHWM)."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1000
