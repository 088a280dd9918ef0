"""Users' hands: they rename and cancel what somebody worked on who is killed just then."""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress

from sqlalchemy import select

from pipeline.models import Job
from tests.faults.batch import SUCCEEDED
from tests.faults.fault import Fault, Scene
from tests.faults.kills import PARTS
from tests.faults.processes import children, main_of

#: How long a job may take until its source is moved, seconds.
MOVED_S = 120.0
#: How long after a source has a second name who moves it is killed at most, seconds: about as long
#: as that is recorded, and the first one taken away.
AFTER_S = 0.004


def _renamed(scene: Scene) -> str:
    """Kill who moves a source as it has a second name, and rename the first one."""
    scene.batch.told_again = True
    file = scene.batch.drop("inbox")
    archived = scene.site.media / "archive" / file.name
    until, wait_s = time.monotonic() + MOVED_S, scene.dice.uniform(0.0, AFTER_S)
    parent = main_of(scene, *PARTS["package-parent"])
    assert parent is not None
    # Listed before: it would be moved by then.
    pool = children(parent)
    while not archived.exists() and time.monotonic() < until:
        time.sleep(0.001)
    time.sleep(wait_s)
    for pid in pool:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    with suppress(FileNotFoundError):
        file.renamed = file.path.rename(file.path.with_name(f"{file.path.stem} renamed.mp4"))
        return f"{file.name} was renamed as who moved it was killed"
    return f"{file.name} was moved before who did that was killed, {wait_s:.3f} s later"


def _cancelled(scene: Scene) -> str:
    """Cancel a job at any moment, just after somebody was killed who may have worked on it."""
    file = scene.batch.drop("slow", seconds=4, size="960x540")
    scene.wait_for(lambda: scene.site.has_job(file.name), f"a job of {file.name}")
    scene.sometime(4.0)
    name = scene.dice.choice(("encode-parent", "package-parent", "control"))
    pid = main_of(scene, *PARTS[name])
    said = scene.kill(pid) if pid else f"{name} did not run"
    done = scene.site.system.cli("cancel", _job(scene, file.name), check=False)
    # What was cancelled stays so, whoever goes on with what the other one had.
    file.states = SUCCEEDED if done.returncode else frozenset({"cancelled"})
    return f"{said}; {done.stdout.strip() or 'too late to cancel'}"


def _job(scene: Scene, name: str) -> str:
    with scene.site.database() as database, database.read() as session:
        return session.scalars(select(Job.id).where(Job.file_name == name)).one()


FAULTS = (Fault("hands-rename", _renamed), Fault("hands-cancel", _cancelled))
