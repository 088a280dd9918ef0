"""The system under fault: `reelworks up` on one stack, started, stopped and asked for the truth."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import yaml
from sqlalchemy import select

from pipeline.history.database import Database
from pipeline.models import Job
from pipeline.settings import addresses
from pipeline.settings.load import load_settings
from tests.faults.mounts import Disk, small_disks
from tests.system import (
    Alerts,
    System,
    alert_receiver,
    command_lines,
    eventually,
    write_config,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tests.faults.stacks import Stack

#: How long `up` may take to start or stop, seconds.
UP_S = 300.0
#: Tools that a step runs.
TOOLS = ("ffmpeg", "ffprobe", "packager")
#: Where what is left of a batch that went well is removed.
FORGOTTEN = ("library", "archive", "elsewhere", "quarantine")


@dataclass
class Site:
    """A system in a folder of its own, on its stack. It may be down, or started anew."""

    root: Path
    stack: Stack
    alerts: Alerts
    disks: dict[str, Disk]
    config: Path
    _process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def environment(self) -> dict[str, str]:
        return {**os.environ, **self.stack.environment, "REELWORKS_CONFIG": str(self.config)}

    @property
    def media(self) -> Path:
        return self.root / "media"

    @property
    def log(self) -> Path:
        return self.root / "up.log"

    @property
    def system(self) -> System:
        """The same system as other tests know it: its processes, by their environment."""
        pid = self._process.pid if self._process else 0
        return System(self.root, self.environment, self.alerts, "", self.log, pid)

    @property
    def pid(self) -> int:
        """The process number of `reelworks up`."""
        if self._process is None:
            raise AssertionError("the system is not running")
        return self._process.pid

    @property
    def runs(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self, environment: Mapping[str, str] | None = None) -> None:
        """Start the system, and wait until it is ready. `environment` is added to its own."""
        already = self.log.stat().st_size if self.log.exists() else 0
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "pipeline.cli", "up"],
                env={**self.environment, **(environment or {})},
                cwd=self.root,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        eventually(lambda: self._is_ready(already), f"the system to be ready ({self.log})", UP_S)

    def _is_ready(self, already: int) -> bool:
        said = self.log.read_bytes()[already:].decode(errors="replace")
        if not self.runs:
            raise AssertionError(f"the system ended by itself:\n{said[-3000:]}")
        return "is ready" in said

    def stop(self) -> int | None:
        """Ask the system to stop in good order, and wait until it has; tells its exit status."""
        process, self._process = self._process, None
        if process is None:
            return None
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        return process.wait(UP_S)

    def kill(self) -> None:
        """Kill `up` itself, and wait until its guard has ended every part."""
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        process.wait(UP_S)
        gone = f"the parts of a killed system to be gone ({self.root})"
        eventually(lambda: not self._parts(), gone, UP_S)

    def _parts(self) -> list[int]:
        return self.system.processes()

    @property
    def broker(self) -> str:
        """The broker's address past every proxy."""
        if self.stack.broker is not None:
            return self.stack.broker.address
        return addresses.broker_url(load_settings(self.config))

    @property
    def broker_socket(self) -> Path:
        """Where the embedded broker listens."""
        return addresses.socket_path(load_settings(self.config))

    @contextmanager
    def database(self) -> Iterator[Database]:
        """The tables, past every proxy."""
        address = self.stack.direct_database or f"sqlite:///{self.media}/state/reelworks.db"
        database = Database(address)
        try:
            yield database
        finally:
            database.dispose()

    def tools(self, *words: str) -> list[int]:
        """List the tools that work on this system's files, by the words of their command lines.

        Their environment holds nothing by which the system's other processes are told.
        """
        wanted = (str(self.root), *words)
        return [
            pid
            for pid, line in command_lines().items()
            if any(f"/{tool}" in line.partition(" ")[0] for tool in TOOLS)
            and all(word in line for word in wanted)
        ]

    def has_job(self, name: str) -> bool:
        """Whether a file of this name has a job."""
        with self.database() as database, database.read() as session:
            query = select(Job.id).where(Job.original_path.like(f"%/{name}"))
            return session.scalars(query.limit(1)).first() is not None

    def forget(self) -> None:
        """Remove what earlier batches left for good: results and archived sources."""
        for name in FORGOTTEN:
            for path in (self.media / name).glob("*"):
                shutil.rmtree(path) if path.is_dir() else path.unlink()


def configure(root: Path, alerts: Alerts) -> Path:
    """Write the configuration of a system that is to meet faults: see `tests.system`."""
    config = write_config(root, alerts)
    path = config / "pipeline.yml"
    pipeline = yaml.safe_load(path.read_text())
    entry = {"profile": "quick", "settle_seconds": 1}
    for name, rules in (
        ("kept", {"on_success": "keep", "on_failure": "keep"}),
        ("deleted", {"on_success": "delete"}),
        ("far", {"archive": "./media/elsewhere", "quarantine": "./media/quarantine"}),
    ):
        pipeline["watch"].append({"path": f"./media/{name}", **entry, **rules})
    path.write_text(yaml.safe_dump(pipeline))
    return config


@contextmanager
def running_site(root: Path, stack: Stack) -> Iterator[Site]:
    """Start a system below `root` on the stack; it is stopped at the end, whatever happened."""
    with alert_receiver() as alerts, small_disks(root / "media") as disks:
        site = Site(root, stack, alerts, disks, configure(root, alerts))
        try:
            site.start()
            yield site
        finally:
            stack.mend()
            site.stop()
