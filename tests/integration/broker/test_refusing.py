"""A Redis that answers and takes nothing: everything waits, says why, and goes on by itself."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest
import yaml
from click.testing import CliRunner

from pipeline import app as application
from pipeline.app import app, broker_refusal
from pipeline.cli import cli
from pipeline.history import jobs
from pipeline.models import StepState
from pipeline.stack import overview, valkey
from pipeline.tasks import ingest
from pipeline.tasks.resumption import send_resume
from pipeline.workflows import unreachable
from tests.faults.servers import Redis
from tests.integration.broker.test_broker import forget_connections
from tests.integration.tasks.journeys import script
from tests.media import make_clip, tools
from tests.system import PATIENCE_S, eventually

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from pipeline.app import Runtime

WAITS, GOES_ON = "the worker waits: ", "takes messages again: the worker goes on"


class Limited(Redis):
    """Our own Valkey as others run it, whose memory and disk can be full."""

    def __init__(self, program: str) -> None:
        super().__init__()
        self._program = program

    def argv(self) -> Sequence[str]:
        return (
            *(self._program, "--port", str(self.port), "--bind", "127.0.0.1"),
            *("--dir", str(self.folder), "--save", "3600 1", "--appendonly", "no"),
        )

    def fill_memory(self) -> None:
        self.said("CONFIG SET maxmemory 1")

    def fill_disk(self) -> None:
        """Let its file be one that it can't write, and have it try."""
        (self.folder / "dump.rdb").mkdir()
        self.said("SET something 1")
        self.said("BGSAVE")
        eventually(lambda: "MISCONF" in self.said("SET something 2"), "it to refuse")

    def lose_replicas(self) -> None:
        self.said("CONFIG SET min-replicas-to-write 1")

    def become_replica(self) -> None:
        """Be what it is after a fail-over, when another is the primary now."""
        self.said("REPLICAOF 127.0.0.1 1")

    def become_stale_replica(self) -> None:
        self.said("CONFIG SET replica-serve-stale-data no")
        self.become_replica()

    def free(self) -> None:
        self.said("REPLICAOF NO ONE")
        self.said("CONFIG SET replica-serve-stale-data yes")
        self.said("CONFIG SET maxmemory 0")
        self.said("CONFIG SET min-replicas-to-write 0")
        if (self.folder / "dump.rdb").is_dir():
            (self.folder / "dump.rdb").rmdir()
            self.said("BGSAVE")
        eventually(lambda: self.said("SET something 3").startswith("+OK"), "it to take something")


FILLINGS: list[Callable[[Limited], None]] = [Limited.fill_memory, Limited.fill_disk]
full_somewhere = pytest.mark.parametrize("fill", FILLINGS, ids=["memory", "disk"])


@pytest.fixture
def server(ready: Runtime, monkeypatch: pytest.MonkeyPatch) -> Iterator[Limited]:
    """A broker of the test's own, for this process and those that it starts."""
    server = Limited(str(valkey.program(ready.settings)))
    server.start()
    for name in ("BROKER", "RESULTS"):
        monkeypatch.setenv(f"REELWORKS_{name}", server.address)
    application.runtime.cache_clear()
    for key, value in application.celery_settings(application.runtime().settings).items():
        monkeypatch.setitem(app.conf, key, value)
    forget_connections()
    yield server
    forget_connections()
    application.runtime().db.dispose()
    server.free()  # one that can't write its file does not end
    server.close()


class Worker:
    """A worker of some roles, which must never end by itself."""

    def __init__(self, ready: Runtime, *roles: str) -> None:
        self._log = ready.settings.root / "worker.log"
        with self._log.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "pipeline.cli", "worker", *roles],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    @property
    def log(self) -> str:
        assert self.process.poll() is None, self._log.read_text()[-3000:]
        return self._log.read_text()

    def until(self, words: str, times: int = 1) -> None:
        eventually(lambda: self.log.count(words) >= times, f"the worker to say {words!r}")

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE_S)


@pytest.fixture
def worker(ready: Runtime, server: Limited) -> Iterator[Callable[..., Worker]]:
    started: list[Worker] = []

    def start(*roles: str) -> Worker:
        started.append(Worker(ready, *roles))
        return started[-1]

    yield start
    server.free()
    for one in started:
        if one.process.poll() is None:
            one.stop()


REPLICATED: list[Callable[[Limited], None]] = [
    *(Limited.lose_replicas, Limited.become_replica, Limited.become_stale_replica),
]


@pytest.mark.parametrize("refuse", REPLICATED, ids=["no replicas", "replica", "stale replica"])
def test_a_worker_waits_for_a_redis_whose_replication_has_it_refuse_and_is_told_why(
    server: Limited, worker: Callable[..., Worker], refuse: Callable[[Limited], None]
) -> None:
    begun = worker("control")
    begun.until("ready.")
    refuse(server)
    begun.until(WAITS)
    assert broker_refusal() is not None
    before = begun.log.count("\n")
    time.sleep(3)
    assert begun.log.count("\n") < before + 10
    server.free()
    begun.until(GOES_ON)
    assert begun.log.count(WAITS) == 1


@pytest.mark.parametrize(
    "fill", [*FILLINGS, *REPLICATED], ids=["memory", "disk", "no replicas", "replica", "stale"]
)
def test_a_worker_that_begins_waits_until_something_is_taken(
    server: Limited, worker: Callable[..., Worker], fill: Callable[[Limited], None]
) -> None:
    fill(server)
    begun = worker("control")
    begun.until(WAITS)
    assert "goes on by itself" in begun.log
    server.free()
    begun.until("ready.")
    assert begun.log.count(WAITS) == 1
    assert begun.log.index(GOES_ON) < begun.log.index("ready.")


def test_a_worker_that_waits_can_be_stopped(server: Limited, worker: Callable[..., Worker]) -> None:
    server.fill_memory()
    begun = worker("control")
    begun.until(WAITS)
    assert begun.stop() == 0


@full_somewhere
def test_what_is_done_meanwhile_stays_done_and_the_rest_goes_on(
    ready: Runtime,
    server: Limited,
    worker: Callable[..., Worker],
    fill: Callable[[Limited], None],
) -> None:
    clip = make_clip(ready.settings.root / "clips" / "a.mp4", seconds=1)
    begun = worker("package", "control")
    begun.until("ready.", times=2)
    fill(server)
    job_id = ingest.submit_file(clip, profile="quick").job_id
    if fill is Limited.fill_disk:
        begun.until(WAITS, times=2)  # they can't even ask for the next message
    server.free()
    send_resume(job_id)

    def done() -> bool:
        with ready.db.read() as session:
            steps = jobs.view(session, job_id).steps
        return all(one.state == "done" for one in steps if one.kind in ("probe", "thumbnail"))

    eventually(done, "its first steps to be done")
    with ready.db.read() as session:
        assert {one.tries for one in jobs.get(session, job_id).steps} == {0, 1}
    assert "Unrecoverable" not in begun.log


def test_a_step_that_ends_meanwhile_is_done_and_its_worker_goes_on(
    ready: Runtime, server: Limited, worker: Callable[..., Worker]
) -> None:
    """Its worker can't even say that the message is done, with many a Redis."""
    written = ready.settings.config_dir / "pipeline.yml"
    go = ready.settings.root / "go"
    waiting = f"while [ ! -e '{go}' ]; do sleep 0.1; done"
    slow = script(ready.settings.root / "ffprobe", waiting, f'exec {tools().ffprobe} "$@"')
    pipeline = yaml.safe_load(written.read_text())
    limits = {**pipeline.get("limits", {}), "isolation": "off"}
    changed = {**pipeline, "limits": limits, "tools": {"ffprobe": str(slow)}}
    written.write_text(yaml.safe_dump(changed))
    clips = [
        make_clip(ready.settings.root / "clips" / f"{one}.mp4", seconds=1, seed=one)
        for one in range(2)
    ]
    begun = worker("package")
    begun.until("ready.")
    first = ingest.submit_file(clips[0], profile="quick").job_id
    begun.until("Task pipeline.probe")
    server.fill_memory()
    go.touch()

    def probed(job_id: str) -> bool:
        with ready.db.read() as session:
            probe = jobs.get(session, job_id).steps[0]
        assert probe.tries <= 1
        return probe.state is StepState.DONE

    eventually(lambda: probed(first), "the probe to be done")
    server.free()
    second = ingest.submit_file(clips[1], profile="quick").job_id
    eventually(lambda: probed(second), "the worker to take the next")
    assert "Unrecoverable" not in begun.log
    assert "maybe_refresh_binding_expiry" not in begun.log


@full_somewhere
def test_who_is_asked_says_why_nothing_is_taken(
    ready: Runtime,
    server: Limited,
    fill: Callable[[Limited], None],
    caplog: pytest.LogCaptureFixture,
) -> None:
    assert broker_refusal() is None
    fill(server)
    refused = broker_refusal()
    assert refused is not None
    clip = make_clip(ready.settings.root / "clips" / "b.mp4", seconds=1)
    job_id = ingest.submit_file(clip, profile="quick").job_id
    assert f"job {job_id} is recorded, but not yet on the broker: {refused.message}" in caplog.text
    told = unreachable(job_id)
    assert (told.message, told.hint) == (
        f"Job {job_id} is recorded, but: {refused.message}",
        refused.hint,
    )
    settings = application.runtime().settings
    seen = overview.overview(settings, ready.db)
    assert (seen.running, seen.full) == (False, refused.message)
    done = CliRunner().invoke(cli, ["--config", str(settings.config_dir), "doctor", "--json"])
    found = {one["check"]: one for one in map(json.loads, done.stdout.splitlines())}
    assert found["broker"]["state"] == "failed"
    assert refused.message in found["broker"]["detail"]
    assert found["broker"]["hint"] == refused.hint


def test_a_broker_that_is_away_is_waited_for_before_and_after_it_was_there(
    server: Limited, worker: Callable[..., Worker]
) -> None:
    server.kill()
    begun = worker("control")
    begun.until("does not answer, and is waited for")
    server.start()
    begun.until("ready.")
    server.kill()
    begun.until("does not answer, and is waited for", times=2)
    server.start()
    begun.until("the broker answers again", times=2)
    server.kill()
    begun.until("does not answer, and is waited for", times=3)
    assert begun.stop() == 0
    server.start()
