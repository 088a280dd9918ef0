"""The clock jumps an hour, forwards or back, while jobs run, and stays there."""

from __future__ import annotations

import shutil
import tempfile
from functools import partial
from pathlib import Path

from tests.faults.checker import wait_until_ended
from tests.faults.fault import Fault, Scene
from tests.faults.processes import main_of
from tests.faults.wall_clock import WallClock

HOUR_S = 3600


def _jumps(scene: Scene, seconds: int) -> str:
    """Run the parts, and the database's server with them, by a clock of ours, and turn it."""
    folder = Path(tempfile.mkdtemp(prefix="reelworks-clock-"))
    folder.chmod(0o755)
    clock = WallClock(folder)
    try:
        _run_by(scene, clock.environment)
        scene.sometime()
        clock.turn(seconds)
        # What has to be recovered is recovered as soon as ever, and not an hour later.
        killed = scene.dice.choice((("worker", "encode"), ("worker", "package")))
        victim = main_of(scene, *killed)
        if victim is not None:
            scene.kill(victim)
        scene.batch.drop("inbox")
        scene.problems += wait_until_ended(scene.site, scene.batch)
    finally:
        # The real time again: that too is a jump, for parts that are started anew.
        _run_by(scene, {})
        shutil.rmtree(folder)
    scene.batch.drop("inbox")
    return f"the clock jumped by {seconds} s, and later back, with a worker killed between"


def _run_by(scene: Scene, environment: dict[str, str]) -> None:
    scene.site.stop()
    if scene.stack.database is not None:
        scene.stack.database.restart(environment)
    scene.site.start(environment)


FAULTS = (
    Fault("clock-forward", partial(_jumps, seconds=HOUR_S), needs_clock=True),
    Fault("clock-back", partial(_jumps, seconds=-HOUR_S), needs_clock=True),
)
