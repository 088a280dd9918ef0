"""SIGTERM to any part, a rolling restart of all of them, and a stop of the whole system."""

from __future__ import annotations

import signal

from tests.faults.fault import Fault, Scene
from tests.faults.kills import PARTS
from tests.faults.processes import main_of

#: How long a part that was told to stop may take to be replaced by a new one, seconds.
REPLACED_S = 60.0


def _stop_part(scene: Scene) -> str:
    scene.sometime()
    name = scene.dice.choice(sorted(PARTS))
    pid = main_of(scene, *PARTS[name])
    return scene.kill(pid, signal.SIGTERM) if pid else f"{name} did not run"


def _rolling_restart(scene: Scene) -> str:
    """Stop every part, one after another, each when the former one runs again."""
    names = sorted(PARTS)
    scene.dice.shuffle(names)
    for name in names:
        _restart(scene, *PARTS[name])
    return "SIGTERM to " + ", ".join(names)


def _restart(scene: Scene, *words: str) -> None:
    former = main_of(scene, *words)
    if former is not None:
        scene.kill(former, signal.SIGTERM)

    def replaced() -> bool:
        return main_of(scene, *words) not in (None, former)

    scene.wait_for(replaced, f"{' '.join(words)} to run again", REPLACED_S)


def _stop_everything(scene: Scene) -> str:
    scene.sometime()
    status = scene.site.stop()
    if status:
        scene.problems.append(f"up ended with status {status}")
    scene.site.start()
    return "up was stopped and started"


FAULTS = (
    Fault("stop-part", _stop_part, costs_no_try=True),
    Fault("stop-rolling", _rolling_restart, costs_no_try=True),
    Fault("stop-up", _stop_everything, costs_no_try=True),
)
