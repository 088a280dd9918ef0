"""The supervisor with real processes: restarts, order, and nothing left behind, however it ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pipeline.stack.guard import Guard
from pipeline.stack.part import Part
from pipeline.stack.supervisor import Notice, Supervisor
from pipeline.stack.traces import Trace, members, running

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).parents[3]
PATIENCE_S = 20
NO_MARK = "-"
#: A part with a child in its session and another one that made a session of its own.
FAMILY = "sleep 600 & setsid sleep 600 & wait"
STEADY = "exec sleep 600"
STUBBORN = "trap '' TERM; while :; do sleep 0.1; done"


class Supervised:
    """A supervisor in a process of its own, and what it told so far."""

    def __init__(self, folder: Path, *commands: str, grace_s: float = 5) -> None:
        argv = [sys.executable, "-m", "tests.integration.stack.tiny", str(folder), str(grace_s)]
        self.process = subprocess.Popen(
            [*argv, *commands],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self.notices: list[dict[str, Any]] = []

    def until(self, what: str, part: str, times: int = 1) -> dict[str, Any]:
        """Read notices until this one has come so often; the last one of it."""
        while True:
            found = [each for each in self.notices if (each["what"], each["part"]) == (what, part)]
            if len(found) >= times:
                return found[-1]
            assert self.process.stdout is not None
            line = self.process.stdout.readline()
            assert line, f"it ended before {part} was {what}: {self.process.communicate()[1]}"
            self.notices.append(json.loads(line))

    def end(self) -> int:
        """Wait for its end, keeping what it still tells; returns its exit status."""
        out, err = self.process.communicate(timeout=PATIENCE_S)
        self.notices += [json.loads(line) for line in out.splitlines()]
        assert not err, err
        return self.process.returncode

    def order_of(self, what: str) -> list[str]:
        return [notice["part"] for notice in self.notices if notice["what"] == what]


@pytest.fixture
def supervise(tmp_path: Path) -> Iterator[Callable[..., Supervised]]:
    started: list[Supervised] = []

    def start(*commands: str, grace_s: float = 5) -> Supervised:
        started.append(Supervised(tmp_path, *commands, grace_s=grace_s))
        return started[-1]

    yield start
    for supervised in started:
        if supervised.process.poll() is None:
            supervised.process.terminate()
            supervised.process.communicate(timeout=PATIENCE_S)


def alive(pids: set[int]) -> set[int]:
    return {process.pid for process in running() if process.pid in pids}


def until_gone(pids: set[int]) -> None:
    until = time.monotonic() + PATIENCE_S
    while left := alive(pids):
        assert time.monotonic() < until, f"still there: {left}"
        time.sleep(0.05)


def family_of(pid: int, size: int) -> set[int]:
    """The processes of a part, once all of them are there."""
    until = time.monotonic() + PATIENCE_S
    while len(found := members({Trace(pid, NO_MARK)})) < size:
        assert time.monotonic() < until
        time.sleep(0.02)
    return found


def test_a_part_that_dies_is_started_again_after_waits_that_double(
    supervise: Callable[..., Supervised],
) -> None:
    supervised = supervise("front-dying=echo I am unwell; exit 3")
    died = supervised.until("died", "front-dying", times=3)
    assert died["status"] == 3
    assert died["lines"] == ["I am unwell"] * 3
    waits = [each["again_in_s"] for each in supervised.notices if each["what"] == "died"]
    assert waits == [0.5, 1.0, 2.0]


def test_a_killed_part_leaves_nothing_behind_and_lives_again(
    supervise: Callable[..., Supervised],
) -> None:
    supervised = supervise(f"worker-a={FAMILY}")
    pid = supervised.until("started", "worker-a")["pid"]
    family = family_of(pid, 3)
    os.kill(pid, signal.SIGKILL)
    assert supervised.until("died", "worker-a")["status"] == -signal.SIGKILL
    in_its_session = {process.pid for process in running() if process.session == pid}
    assert not in_its_session & family
    assert supervised.until("started", "worker-a", times=2)["pid"] != pid


def test_ctrl_c_stops_front_then_workers_then_the_broker_and_leaves_no_process(
    supervise: Callable[..., Supervised],
) -> None:
    supervised = supervise(f"broker-b={STEADY}", f"worker-w={FAMILY}", f"front-f={FAMILY}")
    family: set[int] = set()
    for name, size in (("broker-b", 1), ("worker-w", 3), ("front-f", 3)):
        family |= family_of(supervised.until("started", name)["pid"], size)
    supervised.process.send_signal(signal.SIGINT)
    assert supervised.end() == 0
    assert supervised.order_of("stopped") == ["front-f", "worker-w", "broker-b"]
    assert not alive(family)


def test_a_part_that_does_not_stop_is_killed_after_the_grace(
    supervise: Callable[..., Supervised],
) -> None:
    supervised = supervise(f"worker-stubborn={STUBBORN}", grace_s=1)
    pid = supervised.until("started", "worker-stubborn")["pid"]
    time.sleep(0.3)  # until it has set its trap
    supervised.process.send_signal(signal.SIGTERM)
    assert supervised.end() == 0
    assert supervised.order_of("killed") == ["worker-stubborn"]
    assert not alive({pid})


@pytest.mark.parametrize(
    ("command", "said"),
    [(STUBBORN, ["killed", "not mended"]), (STEADY, ["stopped"])],
)
def test_what_a_part_held_is_given_back_when_it_had_to_be_killed(
    command: str, said: list[str]
) -> None:
    called: list[str] = []
    notices: list[Notice] = []

    def give_back() -> None:
        called.append(command)
        raise OSError("the disk is away")

    guard = Guard(grace_s=1)
    supervisor = Supervisor(logs=None, tell=notices.append, guard=guard)
    supervisor.start(Part("part", ("sh", "-c", f"echo; {command}"), after_kill=give_back))
    time.sleep(0.5)
    supervisor.stop(grace_s=1, hurried=lambda: False)
    guard.close()
    assert [one.what.value for one in notices[2:]] == said
    assert len(called) == ("killed" in said)


def test_a_second_ctrl_c_does_not_wait_for_the_grace(supervise: Callable[..., Supervised]) -> None:
    supervised = supervise(f"worker-stubborn={STUBBORN}", grace_s=60)
    pid = supervised.until("started", "worker-stubborn")["pid"]
    time.sleep(0.3)
    supervised.process.send_signal(signal.SIGINT)
    supervised.until("stopping", "worker-stubborn")
    supervised.process.send_signal(signal.SIGINT)
    assert supervised.end() == 0
    assert not alive({pid})


def test_killing_the_supervisor_itself_leaves_no_process(
    supervise: Callable[..., Supervised],
) -> None:
    supervised = supervise(f"worker-a={FAMILY}", f"worker-stubborn={STUBBORN}", grace_s=1)
    family: set[int] = set()
    for name, size in (("worker-a", 3), ("worker-stubborn", 1)):
        family |= family_of(supervised.until("started", name)["pid"], size)
    supervised.process.kill()
    supervised.process.communicate(timeout=PATIENCE_S)
    until_gone(family)


def test_a_killed_guard_is_replaced_and_still_guards(supervise: Callable[..., Supervised]) -> None:
    supervised = supervise(f"worker-stubborn={STUBBORN}", grace_s=1)
    pid = supervised.until("started", "worker-stubborn")["pid"]
    guard = until_guarded(supervised.process.pid)
    os.kill(guard, signal.SIGKILL)
    until_gone({guard})
    another = until_guarded(supervised.process.pid)
    assert another != guard
    time.sleep(0.5)  # until it runs
    supervised.process.kill()
    supervised.process.communicate(timeout=PATIENCE_S)
    until_gone({pid, another})


def until_guarded(supervisor: int) -> int:
    """The guard's process, once there is one."""
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        for process in running():
            if process.parent != supervisor:
                continue
            words = Path(f"/proc/{process.pid}/cmdline").read_bytes().split(b"\0")
            if b"pipeline.stack.guard" in words:
                return process.pid
        time.sleep(0.05)
    raise AssertionError("there is no guard")
