"""Run a source through the media pipeline, in the order and by the functions of the tasks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.errors import ReelworksError
from pipeline.media.encode import encode_unit
from pipeline.media.package import package
from pipeline.media.probe import probe
from pipeline.media.thumbnail import make_poster
from pipeline.media.verify import RenditionFacts, verify_output, verify_rendition
from pipeline.plan.names import result_suffix
from pipeline.plan.plan import Plan, make_plan
from pipeline.settings.pipeline import Limits
from tests.media import tools

if TYPE_CHECKING:
    from pathlib import Path

    from pipeline.settings.profiles import Profile


@dataclass(frozen=True)
class Outcome:
    """What became of a source: an output folder with what it holds, or the error it met.

    `notes` are the sentences told to the job's history.
    """

    folder: Path
    plan: Plan | None = None
    facts: tuple[RenditionFacts, ...] = ()
    notes: tuple[str, ...] = ()
    error: ReelworksError | None = None


def run_source(path: Path, profile: Profile, work: Path) -> Outcome:
    """Make everything of a source below `work`; an error that a user would be told is kept."""
    folder = work / "output"
    folder.mkdir(parents=True)
    plan: Plan | None = None
    notes: list[str] = []
    try:
        source = probe(tools(), path, Limits(), salvage=profile.damaged == "salvage")
        plan = make_plan(source, profile)
        notes += source.left_out
        make_poster(tools(), source, work / "poster.jpg")
        (work / "poster.jpg").rename(folder / "poster.jpg")
        inputs: dict[str, Path] = {}
        for unit in plan.units:
            made = {
                step: work / f"{step.partition(':')[2]}{result_suffix(step)}" for step in unit.steps
            }
            encoded = encode_unit(tools(), plan, unit, made)
            notes += encoded.notes
            for step, file in made.items():
                notes += verify_rendition(tools(), plan, step, file, encoded.frames)
            inputs |= made
        packaged = package(tools(), plan, inputs, folder)
        facts = verify_output(tools(), plan, inputs, folder, silent=packaged.silent)
    except ReelworksError as error:
        return Outcome(folder, plan, notes=tuple(notes), error=error)
    return Outcome(folder, plan, tuple(facts), tuple(notes))
