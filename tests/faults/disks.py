"""A disk is full, or can't be written to."""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING

from sqlalchemy import select

from pipeline.models import Attempt, Job
from tests.faults.batch import FAILED, SUCCEEDED
from tests.faults.fault import Fault, Scene

if TYPE_CHECKING:
    from collections.abc import Iterator

#: What is left free on a full disk at most, bytes.
LEAVING = 65_536
#: How long a disk stays as it should not be, seconds.
FULL_S = 25.0
#: "…needs 1,234,567 bytes…"
NUMBER_OF_BYTES = re.compile(r"\d[\d,]* bytes")


def _full(scene: Scene, folder: str) -> str:
    """Fill the disk while the batch is made; all goes on when there is room again."""
    disk = scene.site.disks[folder]
    if folder == "elsewhere":
        scene.batch.drop("far", seconds=2)
    scene.sometime(4.0)
    fill = partial(disk.fill, leaving=scene.dice.randrange(LEAVING))
    scene.broken(fill, disk.free, FULL_S)
    # Only after there is room: with SQLite on the full disk nothing can be looked up before.
    vague = [said for said in _said_of_space(scene) if said and not NUMBER_OF_BYTES.search(said)]
    scene.problems += [f"says no number of bytes: {said}" for said in vague]
    return f"the disk of {folder} was full for {FULL_S:.0f} s"


def _said_of_space(scene: Scene) -> Iterator[str | None]:
    with scene.site.database() as database, database.read() as session:
        yield from session.scalars(
            select(Attempt.error_message).where(Attempt.error_code == "no_space")
        )
        yield from session.scalars(select(Job.error_message).where(Job.error_code == "no_space"))


def _read_only(scene: Scene) -> str:
    """Make the library read-only: jobs fail and say so, or wait; none is lost."""
    disk = scene.site.disks["library"]
    for file in scene.batch.files:
        file.states = SUCCEEDED | FAILED
        file.codes = frozenset({"system"})
    scene.sometime(3.0)
    turn = disk.read_only
    scene.broken(partial(turn, yes=True), partial(turn, yes=False), FULL_S)
    return f"the library could not be written to for {FULL_S:.0f} s"


FAULTS = (
    *(
        Fault(f"full-{folder}", partial(_full, folder=folder), needs_disks=True, costs_no_try=True)
        for folder in ("work", "library", "state", "elsewhere")
    ),
    Fault("read-only-library", _read_only, needs_disks=True),
)
