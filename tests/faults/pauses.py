"""A worker is paused for longer than its lease, and then goes on: it must find itself replaced."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing, suppress
from functools import partial
from typing import TYPE_CHECKING

from sqlalchemy import select

from pipeline.models import ENCODING, Job, JobState, Step, StepState
from tests.faults.fault import Fault, Scene
from tests.faults.kills import PARTS
from tests.faults.processes import main_of
from tests.system import command_lines

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

#: Longer than a lease and the reconciler's pace together, seconds.
PAUSED_S = 45.0
#: How long the other worker may take to do what the paused one held, seconds.
TAKEN_OVER_S = 240.0
#: How long one is waited for that holds a step which takes a moment, seconds.
HELD_S = 20.0


def _paused_encoder(scene: Scene) -> str:
    """Pause an encoding worker, let another do its work, and let the first go on.

    The paused one holds finished or half-finished files of its own attempt: publishing them over
    the other's is what the fence is there for.
    """
    file = scene.batch.drop("slow", seconds=4, size="960x540")
    scene.wait_for(lambda: _encodes(scene, file.name), f"{file.name} to be encoded", 120.0)
    _pause(scene, "encode", lambda: _done(scene, file.name))
    return f"the worker that encoded {file.name} slept until another had done it"


def _paused_packager(scene: Scene) -> str:
    """Pause the worker of all other steps in the middle of one, and let another do its work."""
    until = time.monotonic() + HELD_S
    held: list[str] = []
    while not held and time.monotonic() < until:
        held = _held(scene)
    _pause(scene, "package", lambda: _all_ended(scene))
    return f"the worker of {', '.join(held) or 'nothing just then'} slept until another had done it"


def _pause(scene: Scene, role: str, done: Callable[[], bool]) -> None:
    """Pause the worker of a role until another, which is started for it, has `done` its work."""
    pid = main_of(scene, "worker", role)
    assert pid is not None
    family = _session(pid)
    _stop(scene, family)
    try:
        with (scene.site.root / "other.log").open("ab") as log:
            other = subprocess.Popen(
                [sys.executable, "-m", "pipeline.cli", "worker", role],
                env={**scene.site.environment, "REMAP_SIGTERM": "SIGQUIT"},
                cwd=scene.site.root,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        scene.wait_for(done, f"another worker to do what {role} held", TAKEN_OVER_S)
    finally:
        _signal(family, signal.SIGCONT)
    time.sleep(5.0)
    other.terminate()
    if status := other.wait(60):
        scene.problems.append(f"the other worker ended with status {status}")


def _paused_part(scene: Scene) -> str:
    scene.sometime()
    name = scene.dice.choice(sorted(PARTS))
    pid = main_of(scene, *PARTS[name])
    if pid is None:
        return f"{name} did not run"
    family = _session(pid)
    scene.broken(partial(_stop, scene, family), partial(_signal, family, signal.SIGCONT), PAUSED_S)
    return f"{name} slept for {PAUSED_S:.0f} s"


def _stop(scene: Scene, family: list[int]) -> None:
    """Stop processes, but not in the middle of a write to SQLite: nobody else could write then."""
    path = scene.site.media / "state" / "reelworks.db"
    _signal(family, signal.SIGSTOP)
    while path.is_file() and not _writable(path):
        _signal(family, signal.SIGCONT)
        time.sleep(0.02)
        _signal(family, signal.SIGSTOP)


def _writable(path: Path) -> bool:
    with closing(sqlite3.connect(path, timeout=5, isolation_level=None)) as connection:
        try:
            connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            return False
        connection.execute("ROLLBACK")
        return True


def _session(leader: int) -> list[int]:
    """List the processes of a part: it leads a session, which its pool and its tools share."""
    session = os.getsid(leader)
    found = []
    for pid in command_lines():
        with suppress(OSError):
            if os.getsid(pid) == session:
                found.append(pid)
    return found


def _signal(pids: list[int], number: signal.Signals) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, number)


def _encodes(scene: Scene, name: str) -> bool:
    return any(state is StepState.RUNNING for state in _renditions(scene, name))


def _done(scene: Scene, name: str) -> bool:
    states = _renditions(scene, name)
    return bool(states) and all(state is StepState.DONE for state in states)


def _renditions(scene: Scene, name: str) -> list[StepState]:
    with scene.site.database() as database, database.read() as session:
        query = select(Step.state).join(Job).where(Job.original_path.like(f"%/{name}"))
        query = query.where(Step.name.startswith("rendition:"), Job.state != JobState.FAILED)
        return list(session.scalars(query))


def _held(scene: Scene) -> list[str]:
    """Name the steps that are at work but encode nothing."""
    running = (Step.state == StepState.RUNNING) & Step.kind.not_in(ENCODING)
    with scene.site.database() as database, database.read() as session:
        return list(session.scalars(select(Step.name).where(running)))


def _all_ended(scene: Scene) -> bool:
    going = Job.state.in_((JobState.QUEUED, JobState.RUNNING))
    with scene.site.database() as database, database.read() as session:
        files = [scene.site.has_job(file.name) for file in scene.batch.files]
        return all(files) and session.scalars(select(Job.id).where(going)).first() is None


FAULTS = (
    Fault("paused-worker", _paused_encoder),
    Fault("paused-packager", _paused_packager),
    Fault("paused-part", _paused_part),
)
