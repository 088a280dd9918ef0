"""A source vanishes, or is replaced by another file of its name."""

from __future__ import annotations

import shutil

from tests.faults.batch import FAILED, SUCCEEDED
from tests.faults.custody import sha256
from tests.faults.fault import Fault, Scene
from tests.media import make_clip


def _vanishes(scene: Scene) -> str:
    """Take a source away at any moment after it was found."""
    file = scene.batch.drop("inbox", seconds=3, size="640x360")
    file.states, file.codes = SUCCEEDED | FAILED, frozenset({"source_gone"})
    file.taken_away = True
    scene.wait_for(lambda: scene.site.has_job(file.name), f"a job of {file.name}")
    scene.sometime(3.0)
    file.path.unlink(missing_ok=True)
    return f"{file.name} was removed"


def _replaced(scene: Scene) -> str:
    """Put another file in a source's place: the former's job ends, and the new one has its own."""
    file = scene.batch.drop("inbox", seconds=3, size="640x360")
    other = make_clip(scene.batch.clips / f"new-{file.name}", seconds=2, seed=10_000)
    # The former's job ends without results, unless it had read all that it needed.
    file.states, file.jobs = SUCCEEDED | FAILED | {"cancelled"}, 2
    file.codes = frozenset({"source_changed", "source_gone"})
    scene.wait_for(lambda: scene.site.has_job(file.name), f"a job of {file.name}")
    scene.sometime(3.0)
    beside = file.path.with_name(f".{file.name}.new")
    shutil.copyfile(other, beside)
    file.contents.append(sha256(other))
    beside.replace(file.path)
    return f"{file.name} was replaced"


def _dropped_twice(scene: Scene) -> str:
    """Drop what a job works on, or has just done, once more under another name."""
    first = scene.batch.files[0]
    scene.wait_for(lambda: scene.site.has_job(first.name), f"a job of {first.name}")
    scene.sometime(3.0)
    return f"{scene.batch.drop_copy(first).name} is a copy of {first.name}"


FAULTS = (
    Fault("source-vanishes", _vanishes),
    Fault("source-replaced", _replaced),
    Fault("source-twice", _dropped_twice, costs_no_try=True),
)
