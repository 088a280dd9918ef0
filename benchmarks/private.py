"""A whole Reelworks in a folder of its own, as `make run` starts it, for measuring."""

from __future__ import annotations

import json
import os
import shutil
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

CONFIG = Path(__file__).parent.parent / "config"
#: Nothing measured here takes longer, seconds.
PATIENCE_S = 600.0
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Private:
    """A running system: its folder, where its web part listens, and its first process."""

    root: Path
    listen: str
    pid: int

    @property
    def inbox(self) -> Path:
        """Where files are dropped."""
        return self.root / "media" / "inbox"

    def drop(self, clip: Path) -> Path:
        """Put a copy of the clip into the inbox, whole, by a rename."""
        self.inbox.mkdir(parents=True, exist_ok=True)
        draft = self.inbox / f".{clip.name}"
        shutil.copyfile(clip, draft)
        return draft.rename(self.inbox / clip.name)

    def asked(self, query: str) -> list[tuple[Any, ...]]:
        """Ask the system's database, from this process: it costs the system nothing."""
        path = self.root / "media" / "state" / "reelworks.db"
        connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=30)
        try:
            return connection.execute(query).fetchall()
        finally:
            connection.close()

    def job(self) -> dict[str, Any] | None:
        """Read the newest job, or None.

        The web part is asked: to start a command each time would take the CPU from what is
        measured.
        """
        with urllib.request.urlopen(f"http://{self.listen}/api/v1/jobs?limit=1") as answer:
            found: list[dict[str, Any]] = json.load(answer)
        return found[0] if found else None

    def wait(self) -> dict[str, Any]:
        """Wait until the newest job has ended; it must have succeeded."""
        until = time.monotonic() + PATIENCE_S
        while time.monotonic() < until:
            job = self.job()
            if job and job["finished_at"]:
                if job["state"] != "succeeded":
                    raise RuntimeError(f"the job {job['state']}: {job['error']}")
                return job
            time.sleep(0.5)
        raise TimeoutError("the job did not end")

    def cpu_s(self) -> float:
        """Sum the CPU seconds of every process of the system, dead ones by their parents."""
        return sum(cpu_ticks(pid) for pid in family(self.pid)) / TICKS


def family(pid: int) -> list[int]:
    """List a process and all its descendants."""
    parents = {}
    for folder in Path("/proc").glob("[0-9]*"):
        fields = _stat(int(folder.name))
        if fields:
            parents[int(folder.name)] = int(fields[1])
    found = [pid]
    for one in found:
        found += [child for child, parent in parents.items() if parent == one]
    return found


def children(pid: int) -> list[str]:
    """List a process's children, cheaply: whichever of its threads started them."""
    found = []
    for thread in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            found += thread.read_text().split()
        except OSError:
            continue  # it ended since it was listed
    return found


def name_of(pid: str) -> str:
    """Give the name of a process's program; nothing when it has ended."""
    try:
        return Path(f"/proc/{pid}/comm").read_text()
    except OSError:
        return ""


def _stat(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []  # it ended since it was listed


def cpu_ticks(pid: int) -> int:
    """Sum what a process and those of its children that ended used, in ticks."""
    # utime, stime, and those of children that were waited for (proc(5), fields 14 to 17).
    return sum(int(ticks) for ticks in _stat(pid)[11:15])


@contextmanager
def private_system(root: Path, profile: dict[str, Any]) -> Iterator[Private]:
    """Start a system with one profile; stopped at the end."""
    config = root / "config"
    shutil.copytree(CONFIG, config)
    document = yaml.safe_load((config / "pipeline.yml").read_text())
    listen = f"127.0.0.1:{_free_port()}"
    document["web"] = {"listen": listen}
    document["flower"] = {"listen": f"127.0.0.1:{_free_port()}"}
    (config / "pipeline.yml").write_text(yaml.safe_dump(document))
    (config / "profiles.yml").write_text(yaml.safe_dump({"web": profile}))
    environment = {**os.environ, "REELWORKS_CONFIG": str(config)}
    log = root / "up.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "pipeline.cli", "up"],
            env=environment,
            cwd=root,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        until = time.monotonic() + PATIENCE_S
        while "is ready" not in log.read_text():
            if process.poll() is not None or time.monotonic() > until:
                raise RuntimeError(f"the system did not start:\n{log.read_text()}")
            time.sleep(0.2)
        yield Private(root, listen, process.pid)
    finally:
        process.terminate()
        process.wait(60)


@contextmanager
def process(root: Path, *argv: str) -> Iterator[int]:
    """Run one process with this one's environment; what it says goes to a log in `root`."""
    with (root / "log").open("ab") as log:
        running = subprocess.Popen(argv, stdout=log, stderr=subprocess.STDOUT)
    try:
        yield running.pid
    finally:
        running.terminate()
        running.wait(60)


def until(done: Callable[[], bool], what: str, patience_s: float = PATIENCE_S) -> None:
    """Wait until something is done. Raises `TimeoutError` when patience ends."""
    end = time.monotonic() + patience_s
    while not done():
        if time.monotonic() > end:
            raise TimeoutError(f"waited in vain for {what}")
        time.sleep(0.2)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
