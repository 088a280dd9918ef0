"""`reelworks status`: what runs, where, and what is being done."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pipeline.history import jobs, steps
from pipeline.history.database import Database
from pipeline.history.errors import DatabaseFull
from pipeline.models import JobState
from pipeline.stack import overview, presence

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipeline.app import Runtime
    from pipeline.models import Job
    from tests.integration.cli.conftest import Said


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(overview, "_broker_answers", lambda _: True)
    monkeypatch.setattr(overview, "answering", lambda *_: {"encode@here"})
    monkeypatch.setattr(overview, "drained", lambda _: [])


def test_a_worker_that_was_drained_is_told_as_such(
    reelworks: Callable[..., Said], answers: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "workers   encode@here\n" in reelworks("status").out
    monkeypatch.setattr(overview, "drained", list)
    assert "workers   encode@here (drained)\n" in reelworks("status").out
    assert reelworks("status", "--json").objects()[0]["drained"] == ["encode@here"]


@pytest.mark.parametrize(
    ("workers", "said"),
    [
        ("encode package control notify", "Reelworks is running."),
        ("encode-gpu.2 package control notify", "Reelworks is running."),
        ("encode", "Reelworks is running, but no worker for package, control, notify answers."),
        ("package.3 control notify", "Reelworks is running, but no worker for encode answers."),
    ],
)
def test_work_that_nobody_is_there_for_is_named(
    reelworks: Callable[..., Said],
    answers: None,
    monkeypatch: pytest.MonkeyPatch,
    workers: str,
    said: str,
) -> None:
    there = {f"{role}@here" for role in workers.split()}
    monkeypatch.setattr(overview, "answering", lambda *_: there)
    assert reelworks("status").out.splitlines()[0] == said


def test_what_does_not_run_is_said_with_exit_code_3(
    reelworks: Callable[..., Said],
    ready: Runtime,
    new_job: Callable[..., Job],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(overview, "_broker_answers", lambda _: False)
    job = new_job()
    with ready.db.begin() as session:  # as one leaves it that was killed
        steps.claim(session, job.id, ["probe"], owner="node/1/task", limit=3)
    said = reelworks("status")
    assert "probe" not in said.out
    assert "1 running" in said.out
    assert said.status == 3
    assert "not running" in said.out
    assert "watch     does not run on this machine" in said.out


@pytest.mark.parametrize(
    ("answers", "said"), [(False, "wait for the broker"), (True, "no worker answers")]
)
def test_parts_that_run_without_a_broker_or_workers_are_not_called_stopped(
    reelworks: Callable[..., Said],
    ready: Runtime,
    monkeypatch: pytest.MonkeyPatch,
    answers: bool,
    said: str,
) -> None:
    monkeypatch.setattr(overview, "_broker_answers", lambda _: answers)
    monkeypatch.setattr(overview, "answering", lambda *_: set())
    monkeypatch.setattr(overview, "runs_here", lambda *_: True)
    told = reelworks("status")
    assert told.status == 3
    assert told.out.startswith("Parts of Reelworks run here")
    assert said in told.out.splitlines()[0]


def test_what_runs_is_told_to_programs(
    reelworks: Callable[..., Said], ready: Runtime, new_job: Callable[..., Job], answers: None
) -> None:
    job, failed = new_job(), new_job()
    with ready.db.begin() as session:
        steps.claim(session, job.id, ["probe"], owner="node/1/task", limit=3)
        jobs.end(session, failed.id, JobState.FAILED, channels=["team"])
    said = reelworks("status", "--json")
    (told,) = said.objects()
    assert said.status == 0
    assert (told["running"], told["workers"], told["alerts_owed"]) == (True, ["encode@here"], 1)
    assert told["parts"] == {"watch": False, "beat": False, "web": False, "flower": False}
    assert (told["jobs"]["running"], told["jobs"]["failed"]) == (1, 1)
    (doing,) = told["doing"]
    assert (doing["job"], doing["step"], doing["worker"]) == (job.id[:8], "probe", "node")
    assert f"now       {job.id[:8]} clip.mp4: probe 0% on node" in reelworks("status").out


@pytest.mark.parametrize(
    ("words", "is_it"),
    [
        (("python", "-m", "pipeline.cli", "watch"), True),
        (("python", "/usr/bin/reelworks", "--config", "c", "watch"), True),
        (("python", "/usr/bin/reelworks", "--config=c", "watch", ""), True),
        (("python", "-m", "pipeline.cli", "beat"), False),
        (("python", "/usr/bin/reelworks", "health", "watch"), False),
        (("python", "/usr/bin/reelworks", "--config", "watch", "beat"), False),
        (("python", "/usr/bin/reelworks", ""), False),
        (("watch", "ls"), False),
    ],
)
def test_a_part_is_known_by_its_command_line(words: tuple[str, ...], is_it: bool) -> None:
    assert presence.is_verb(words, "watch") is is_it


def test_what_all_wait_for_over_a_full_disk_is_told(
    reelworks: Callable[..., Said],
    ready: Runtime,
    answers: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (told,) = reelworks("status", "--json").objects()
    assert told["full"] is None
    full = DatabaseFull.on_disk(Path("/state"), 16_777_216, 4096)
    monkeypatch.setattr(Database, "lacks_room", lambda *_: full)
    (told,) = reelworks("status", "--json").objects()
    assert told["full"] == full.message
    assert f"full      {full.message} Everything waits" in reelworks("status").out
