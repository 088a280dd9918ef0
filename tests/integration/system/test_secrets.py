"""Secrets stay where they were put: no log, command line, task, page or figure tells them."""

from __future__ import annotations

import json
import os
import re
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import yaml
from sqlalchemy import URL, create_engine, text

from tests import tls
from tests.media import make_clip
from tests.system import System, command_lines, eventually, running_system

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.stack
BROKER, FLOWER, CHANNEL = "s3cret-of-broker", "s3cret-of-flower", "s3cret-of-channel"
KEY = "5ec3e75ec3e75ec3e75ec3e75ec3e75e"
SECRETS = (BROKER, FLOWER, CHANNEL, KEY)


@pytest.fixture(scope="module")
def guarded(
    tmp_path_factory: pytest.TempPathFactory, server_database: URL | None
) -> Iterator[System]:
    """A system whose broker wants TLS and a password, with a secret in each of its files."""
    root = tmp_path_factory.mktemp("guarded")
    own = tls.certificates(root / "tls")
    with ExitStack() as stack:
        plain = stack.enter_context(tls.valkey(root / "valkey", BROKER))
        port = stack.enter_context(tls.in_front_of(("127.0.0.1", plain), own))
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        for name in ("REELWORKS_BROKER", "REELWORKS_RESULTS"):
            patch.delenv(name, raising=False)
        patch.setenv("THE_PASSWORD", BROKER)
        adapt = partial(_with_secrets, port)
        yield stack.enter_context(running_system(root, server_database, adapt))


def _with_secrets(port: int, config: Path) -> None:
    def change(name: str, **sections: Any) -> None:
        document = yaml.safe_load((config / name).read_text())
        (config / name).write_text(yaml.safe_dump(document | sections))

    (config.parent / "channel").write_text(f"json://user:{CHANNEL}@127.0.0.1:1/{CHANNEL}")
    listen = yaml.safe_load((config / "pipeline.yml").read_text())["flower"]["listen"]
    address = f"rediss://:${{env:THE_PASSWORD}}@127.0.0.1:{port}"
    change(
        "pipeline.yml",
        broker=f"{address}/0",
        results=f"{address}/1",
        tls={"ca": "./tls/ca.pem"},
        flower={"listen": listen, "password": FLOWER},
    )
    quick = yaml.safe_load((config / "profiles.yml").read_text())["quick"]
    encryption = {"key_id": "0" * 32, "key": KEY}
    change("profiles.yml", quick=quick | {"encryption": encryption, "package": ["hls", "dash"]})
    channels = {"secret": {"url": "${file:./channel}", "on": ["succeeded"]}}
    change("notifications.yml", channels=channels)


@pytest.fixture(scope="module")
def done(guarded: System, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    clip = make_clip(tmp_path_factory.mktemp("clips") / "a.mp4", seconds=1, size="320x240")
    with flower_of(guarded) as flower:
        eventually(lambda: _listens(flower), "Flower to hear of the workers")
    guarded.drop(clip, "guarded.mp4")
    job = guarded.ended("guarded.mp4")
    assert job["state"] == "succeeded"
    eventually(lambda: "was not told" in guarded.cli("logs", job["id"]).stdout, "the alert's try")
    return job


def flower_of(guarded: System) -> httpx.Client:
    listen = yaml.safe_load((guarded.root / "config" / "pipeline.yml").read_text())["flower"]
    base = f"http://{listen['listen']}"
    return httpx.Client(base_url=base, auth=("reelworks", FLOWER), timeout=60)


def _listens(flower: httpx.Client) -> bool:
    """Whether Flower hears what workers tell: it knows nothing of tasks sent before."""
    try:
        answer = flower.get("/api/workers?status=1")
    except httpx.TransportError:
        return False
    return answer.is_success and sum(answer.json().values()) >= 4


def told(text: str) -> list[str]:
    return [secret for secret in SECRETS if secret in text]


def test_no_log_tells_a_secret(guarded: System, done: dict[str, Any]) -> None:
    logs = [guarded.log, *(guarded.root / "media" / "state" / "logs").iterdir()]
    assert len(logs) > 5
    assert {str(log): told(log.read_text(errors="replace")) for log in logs} == {
        str(log): [] for log in logs
    }


def test_no_command_line_tells_a_secret(guarded: System, done: dict[str, Any]) -> None:
    lines = {pid: line for pid, line in command_lines().items() if pid in guarded.processes("")}
    assert len(lines) > 5
    assert {pid: told(line) for pid, line in lines.items() if told(line)} == {}


@pytest.mark.parametrize(
    "words",
    [["show", "{id}"], ["logs", "{id}", "--tools"], ["doctor"], ["status"], ["config", "show"]],
    ids=lambda words: words[0],
)
def test_no_verb_tells_a_secret(guarded: System, done: dict[str, Any], words: list[str]) -> None:
    for more in ([], ["--json"]):
        said = guarded.cli(*(word.format(**done) for word in words), *more, check=False)
        assert said.stdout
        assert told(said.stdout + said.stderr) == []


@pytest.mark.parametrize("path", ["/", "/jobs/{id}", "/metrics", "/schedules", "/api/v1/jobs/{id}"])
def test_no_page_tells_a_secret(guarded: System, done: dict[str, Any], path: str) -> None:
    answer = httpx.get(guarded.web + path.format(**done), timeout=30)
    assert answer.status_code == 200
    assert told(answer.text) == []


def test_flower_tells_no_secret_and_tasks_carry_identifiers_only(
    guarded: System, done: dict[str, Any]
) -> None:
    with flower_of(guarded) as flower:
        workers = flower.get("/api/workers?refresh=1").raise_for_status()
        tasks = flower.get("/api/tasks?limit=1000").raise_for_status()
        pages = ["/", "/tasks", "/broker", *(f"/worker/{name}" for name in workers.json())]
        for page in pages:
            answer = flower.get(page).raise_for_status()
            assert (page, told(answer.text)) == (page, [])
    assert told(workers.text + tasks.text) == []
    assert len(workers.json()) >= 4
    # Beat's first tasks were sent before Flower listened: of those it knows no name.
    known = [task for task in tasks.json().values() if task["args"] is not None]
    seen = {task["name"]: task["args"] + task["kwargs"] for task in known}
    assert {"pipeline.probe", "pipeline.rendition", "pipeline.manifest"} <= seen.keys()
    for name, arguments in seen.items():
        if name != "pipeline.scan":
            rest = arguments.replace(done["id"], "")
            assert re.fullmatch(r"[\w\s(),\[\]'{}:-]*", rest), (name, arguments)
            assert "guarded" not in rest


def test_neither_the_history_nor_the_broker_keeps_a_secret(
    guarded: System, done: dict[str, Any], server_database: URL | None
) -> None:
    address = server_database or f"sqlite:///{guarded.root}/media/state/reelworks.db"
    engine = create_engine(address)
    with engine.connect() as connection:
        for table in ("jobs", "events", "attempts", "outbox", "workers"):
            rows = connection.execute(text(f"SELECT * FROM {table}")).all()
            assert told(json.dumps([list(map(str, row)) for row in rows])) == []
    engine.dispose()


def test_what_holds_secrets_is_for_its_owner_only(guarded: System) -> None:
    state = guarded.root / "media" / "state"
    assert state.stat().st_mode & 0o077 == 0
    assert state.stat().st_uid == os.getuid()
