"""A poison file: whoever works on it dies, each time."""

from __future__ import annotations

import os
import signal
import threading
import time
from contextlib import suppress
from functools import partial

from sqlalchemy import select

from pipeline.models import Job
from tests.faults.batch import FAILED
from tests.faults.fault import Fault, Scene
from tests.faults.processes import parent
from tests.system import command_lines

#: How often it is looked whether somebody touches the file, seconds.
LOOK_S = 0.02
#: How long it may take until the file has killed as often as it may, seconds.
PATIENCE_S = 300.0


def _poison(scene: Scene, *, whole_worker: bool) -> str:
    """Kill who runs a tool on the file: its pool process, or the whole worker.

    That stands in for a file over which a library crashes, or the machine runs out of memory.
    """
    file = scene.batch.drop("slow", seconds=4, size="960x540")
    file.states, file.codes = FAILED, frozenset({"worker_lost"})
    killed: list[int] = []
    over = threading.Event()
    killing = threading.Thread(
        target=_kill_who_touches, args=(scene, file.name, killed, over, whole_worker)
    )
    killing.start()
    try:
        scene.wait_for(partial(_ended, scene, file.name), f"{file.name} to fail", PATIENCE_S)
    finally:
        over.set()
        killing.join()
    return f"{file.name} killed {len(killed)} workers"


def _kill_who_touches(
    scene: Scene, name: str, killed: list[int], over: threading.Event, whole_worker: bool
) -> None:
    while not over.is_set():
        for pid in scene.site.tools(f"/{name}", "libx264"):
            worker = _worker_of(pid, whole=whole_worker)
            if worker and worker not in killed:
                killed.append(worker)
                with suppress(ProcessLookupError):
                    os.kill(worker, signal.SIGKILL)
        time.sleep(LOOK_S)


def _worker_of(pid: int, *, whole: bool) -> int:
    """Find the worker that runs a tool: the nearest above it, or the one above that."""
    lines = command_lines()
    found = []
    while pid > 1:
        pid = parent(pid)
        if "pipeline.cli worker" in lines.get(pid, "") and "setpriv" not in lines[pid]:
            found.append(pid)
    return (found[-1] if whole else found[0]) if found else 0


def _ended(scene: Scene, name: str) -> bool:
    with scene.site.database() as database, database.read() as session:
        jobs = session.scalars(select(Job).where(Job.original_path.like(f"%/{name}")))
        return any(job.state.terminal for job in jobs)


FAULTS = (
    Fault("poison-child", partial(_poison, whole_worker=False)),
    Fault("poison-worker", partial(_poison, whole_worker=True)),
)
