"""A worker is known by its process, and is called dead only when that is certain."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator

import pytest

from pipeline.tasks import owner


@pytest.fixture
def other() -> Iterator[int]:
    """Another process that runs."""
    with subprocess.Popen(["sleep", "60"]) as process:
        yield process.pid
        process.kill()


def name(pid: int) -> str:
    place = owner.process().partition(".")[0]
    return f"encode@host/{place}.{pid}.{owner._started(pid)}/task"


def test_a_process_that_runs_is_not_dead(other: int) -> None:
    assert not owner.is_dead(name(other))
    assert not owner.is_dead(name(os.getpid()))


def test_a_process_that_ended_is_dead_even_before_its_parent_asked(other: int) -> None:
    process = subprocess.Popen(["cat"], stdin=subprocess.PIPE)
    assert process.stdin is not None
    held = name(process.pid)
    process.stdin.close()
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    assert owner.is_dead(held)
    process.wait()
    assert owner.is_dead(held)


def test_a_process_that_got_the_number_of_a_dead_one_is_another(other: int) -> None:
    former = name(other).replace(f".{owner._started(other)}/", ".1/")
    assert owner.is_dead(former)


@pytest.mark.parametrize("held", ["encode@host/elsewhere.1.1/task", "encode@host/task"])
def test_of_what_cannot_be_looked_for_nothing_is_said(held: str) -> None:
    assert not owner.is_dead(held)


def test_processes_of_a_pool_have_the_name_of_their_worker() -> None:
    mine = owner.process()
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writing, owner.process().encode())
        os._exit(0)
    os.waitpid(child, 0)
    told = os.read(reading, 1000).decode()
    os.close(reading)
    os.close(writing)
    assert told == mine
