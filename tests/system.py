"""A whole Reelworks for tests: `reelworks up` in a folder of its own, ended with the session."""

from __future__ import annotations

import json
import os
import random
import shutil
import socket
import subprocess
import sys
import threading
import time
import uuid
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import httpx
import yaml
from kombu import Connection
from sqlalchemy import create_engine, make_url, text

from pipeline.history import workers
from pipeline.history.database import Database
from pipeline.models import Base

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from sqlalchemy import URL

    from pipeline.history.workers import Announced

T = TypeVar("T")
#: What an address says when Reelworks starts the server itself.
EMBEDDED = "embedded"
CONFIG = Path(__file__).parent.parent / "config"
#: The longest anything in these tests may take, seconds: the machine may be busy.
PATIENCE_S = 120.0
#: Where servers of the tests listen.
SERVER_PORTS = range(20_000, 32_000)


@dataclass
class Alerts:
    """What the channel of the tests was told: one dictionary an alert."""

    received: list[dict[str, Any]] = field(default_factory=list)
    url: str = ""

    def about(self, name: str) -> list[dict[str, Any]]:
        return [alert for alert in self.received if name in alert["title"]]


@dataclass(frozen=True)
class System:
    """A running system. `cli` runs the command line against it."""

    root: Path
    environment: Mapping[str, str]
    alerts: Alerts
    web: str
    log: Path
    pid: int

    @property
    def inbox(self) -> Path:
        return self.root / "media" / "inbox"

    def cli(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [sys.executable, "-m", "pipeline.cli", *arguments],
            env=dict(self.environment),
            cwd=self.root,
            check=False,
            text=True,
            capture_output=True,
            timeout=PATIENCE_S,
        )
        assert not check or done.returncode == 0, f"{arguments}: {done.stdout}{done.stderr}"
        return done

    @contextmanager
    def database(self) -> Iterator[Database]:
        """Open its database, beside its parts."""
        address = self.environment.get("REELWORKS_DATABASE", EMBEDDED)
        if address == EMBEDDED:
            address = f"sqlite:///{self.root}/media/state/reelworks.db"
        database = Database(address)
        try:
            yield database
        finally:
            database.dispose()

    def encoders(self) -> list[Announced]:
        """List the workers that have announced that they encode: films are cut for these."""
        with self.database() as database, database.read() as session:
            return workers.present(session)

    def jobs(self) -> list[dict[str, Any]]:
        # By the web part: a command line each time would keep a core busy with starting Python.
        answer = httpx.get(f"{self.web}/api/v1/jobs?limit=500", timeout=30)
        found: list[dict[str, Any]] = answer.raise_for_status().json()
        return found

    def jobs_of(self, name: str) -> list[dict[str, Any]]:
        return [job for job in self.jobs() if Path(job["source"]["original_path"]).name == name]

    def drop(self, clip: Path, name: str, *, folder: str = "inbox") -> Path:
        target = self.root / "media" / folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(clip, target)
        return target

    def ended(self, name: str) -> dict[str, Any]:
        """Wait until the one job of a file of this name has ended."""

        def look() -> dict[str, Any] | None:
            found = self.jobs_of(name)
            ended = [job for job in found if job["finished_at"]]
            return ended[0] if ended else None

        return eventually(look, f"{name} to end")

    def encoding(self, name: str) -> dict[str, Any]:
        """Wait until a rendition of the file is really being encoded."""

        def look() -> dict[str, Any] | None:
            for job in self.jobs_of(name):
                if any(s["kind"] == "rendition" and s["progress"] > 0 for s in job["steps"]):
                    return job
            return None

        return eventually(look, f"{name} to be encoded")

    def processes(self, *words: str) -> list[int]:
        """List processes of this system whose command line has all the words.

        Parts are told by their environment; tools by the files they work on, for they inherit none.
        """
        return [
            pid
            for pid, line in command_lines().items()
            if all(word in line for word in words)
            and (str(self.root) in line or self._is_mine(pid))
        ]

    def _is_mine(self, pid: int) -> bool:
        try:
            environment = Path(f"/proc/{pid}/environ").read_bytes()
        except OSError:
            return False
        return f"REELWORKS_CONFIG={self.root / 'config'}".encode() in environment


def command_lines() -> dict[int, str]:
    """Map each live process to its command line."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            line = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if line:
            found[int(folder.name)] = line
    return found


def eventually(look: Callable[[], T | None], what: str, patience_s: float = PATIENCE_S) -> T:
    """Look until there is something; fails the test when patience ends."""
    until = time.monotonic() + patience_s
    while time.monotonic() < until:
        found = look()
        if found:
            return found
        time.sleep(0.3)
    raise AssertionError(f"waited {patience_s:.0f} s in vain for {what}")


def free_port() -> int:
    return free_ports(1)[0]


def free_ports(count: int) -> list[int]:
    """Find ports that are free, each another one: all are held until the last is found.

    They lie below those that the kernel gives to outgoing connections, so that none of these
    takes one before its server does; and where to begin is chance, for tests beside these.
    """
    with ExitStack() as held:
        found: list[int] = []
        while len(found) < count:
            probe = held.enter_context(socket.socket())
            with suppress(OSError):
                probe.bind(("127.0.0.1", random.choice(SERVER_PORTS)))
                found.append(int(probe.getsockname()[1]))
        return found


@contextmanager
def alert_receiver() -> Iterator[Alerts]:
    """A web hook on loopback that remembers what Apprise posts to it."""
    alerts = Alerts()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            alerts.received.append(json.loads(body))
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    alerts.url = f"json://127.0.0.1:{server.server_port}/"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield alerts
    finally:
        server.shutdown()
        server.server_close()


def write_config(root: Path, alerts: Alerts) -> Path:
    """Write a configuration for tests: quick encodes, and a folder whose encodes are slow."""
    folder = root / "config"
    shutil.copytree(CONFIG, folder)
    pipeline = yaml.safe_load((folder / "pipeline.yml").read_text())
    pipeline["watch"] = [
        {"path": "./media/inbox", "profile": "quick", "settle_seconds": 1},
        {
            "path": "./media/slow",
            "profile": "slow",
            "settle_seconds": 0.5,
            "archive": "./media/archive",
            "quarantine": "./media/quarantine",
        },
    ]
    web, flower = free_ports(2)
    pipeline["web"] = {"listen": f"127.0.0.1:{web}"}
    pipeline["flower"] = {"listen": f"127.0.0.1:{flower}"}
    pipeline["workers"] = {"stop_grace": "2s"}
    pipeline["tags"] = ["big-disk"]
    (folder / "pipeline.yml").write_text(yaml.safe_dump(pipeline))
    quick = {"video": {"preset": "ultrafast", "ladder": [240, 144]}}
    slow = {"video": {"preset": "slow", "ladder": [720, 540, 480, 360]}}
    (folder / "profiles.yml").write_text(yaml.safe_dump({"quick": quick, "slow": slow}))
    (folder / "schedules.yml").write_text("scan: {task: scan, every: 5s}\n")
    channel = {"url": alerts.url, "on": ["succeeded", "failed", "expired"]}
    (folder / "notifications.yml").write_text(yaml.safe_dump({"channels": {"hook": channel}}))
    return folder


def environment_for(config: Path, database: URL | None) -> dict[str, str]:
    """Give the environment of a system: the given addresses, and a database of its own."""
    environment = {**os.environ, "REELWORKS_CONFIG": str(config)}
    if database is not None:
        environment["REELWORKS_DATABASE"] = database.render_as_string(hide_password=False)
    return environment


def purge(address: str) -> None:
    """Empty our queues on a broker that others used before."""
    from pipeline.app import broker_is_redis
    from pipeline.queues import task_queues

    if address == EMBEDDED:
        return
    with Connection(address) as connection:
        for queue in task_queues(redis=broker_is_redis(address)):
            channel: Any = connection.channel()
            try:
                channel.queue_purge(queue.name)
                channel.close()
            except connection.channel_errors:
                continue  # never used: there is nothing to empty


@contextmanager
def server_database_for() -> Iterator[URL | None]:
    """Make a database of our own on the server at `REELWORKS_DATABASE`, and drop it at the end.

    None when no server is given: the database is embedded then.
    """
    address = os.environ.get("REELWORKS_DATABASE", EMBEDDED)
    if address == EMBEDDED:
        yield None
        return
    server = make_url(address)
    name = f"reelworks_test_{uuid.uuid4().hex[:12]}"
    force = "WITH (FORCE)" if server.get_backend_name() == "postgresql" else ""
    engine = create_engine(server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    try:
        yield server.set(database=name)
    finally:
        with engine.connect() as connection:
            connection.execute(text(f"DROP DATABASE {name} {force}"))
        engine.dispose()


def emptied(database: Database) -> None:
    """Empty our tables on a server; rows are counted from one again."""
    tables = [table.name for table in Base.metadata.sorted_tables]
    with database.engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text(f"TRUNCATE {', '.join(tables)} RESTART IDENTITY CASCADE"))
            return
        for name in reversed(tables):
            connection.execute(text(f"DELETE FROM {name}"))


@contextmanager
def running_system(
    root: Path, database: URL | None, adapt: Callable[[Path], None] = lambda _: None
) -> Iterator[System]:
    """Start a whole system below `root`; it is stopped, and must stop cleanly, at the end.

    `adapt` may change its folder of configuration before.
    """
    with alert_receiver() as alerts:
        config = write_config(root, alerts)
        adapt(config)
        environment = environment_for(config, database)
        purge(environment.get("REELWORKS_BROKER", EMBEDDED))
        web = yaml.safe_load((config / "pipeline.yml").read_text())["web"]["listen"]
        log = root / "up.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", "pipeline.cli", "up"],
                env=environment,
                cwd=root,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            eventually(lambda: _is_ready(process, log), f"the system to be ready ({log})")
            yield System(root, environment, alerts, f"http://{web}", log, process.pid)
        finally:
            process.terminate()
            process.wait(60)


def _is_ready(process: subprocess.Popen[bytes], log: Path) -> bool:
    text = log.read_text(errors="replace")
    if process.poll() is not None:
        raise AssertionError(f"the system ended by itself:\n{text}")
    return "is ready" in text
