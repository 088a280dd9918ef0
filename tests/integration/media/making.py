"""Make all outputs of a source, as the tasks do one after the other, without a queue."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.media.encode import Encoded, encode_unit
from pipeline.media.package import Packaged, package
from pipeline.media.probe import probe
from pipeline.media.verify import RenditionFacts, verify_output, verify_rendition
from pipeline.plan.encryption import present_key
from pipeline.plan.names import rendition_step, result_suffix
from pipeline.plan.outputs import described
from pipeline.plan.plan import Plan, make_plan
from pipeline.settings.pipeline import Limits
from pipeline.settings.profiles import Profile
from tests.media import tools

#: Small and quick, where a test names nothing else.
QUICK = {"ladder": [144], "preset": "ultrafast"}


@dataclass(frozen=True)
class Made:
    """An output folder, and what was said on the way to it."""

    folder: Path
    plan: Plan
    encoded: Encoded
    packaged: Packaged
    facts: list[RenditionFacts]
    said: dict[str, Any]

    def read(self, path: str) -> str:
        return (self.folder / path).read_text(encoding="utf-8")


def make(path: Path, folder: Path, **profile: Any) -> Made:
    """Probe, plan, encode, package and verify `path` below `folder`."""
    wanted = Profile.model_validate({"video": QUICK, **profile})
    salvage = wanted.damaged == "salvage"
    source = probe(tools(), path.absolute(), Limits(), salvage=salvage)
    plan = make_plan(source, wanted)
    staging = folder / "out"
    staging.mkdir(parents=True)
    (unit,) = plan.units
    inputs = {
        rendition_step(name): folder / f"{name}{result_suffix(rendition_step(name))}"
        for name in unit.renditions
    }
    encoded = encode_unit(tools(), plan, unit, inputs)
    for step, made in inputs.items():
        verify_rendition(tools(), plan, step, made, encoded.frames)
    packaged = package(tools(), plan, inputs, staging, key=present_key(plan, wanted))
    facts = verify_output(tools(), plan, inputs, staging, silent=packaged.silent)
    return Made(staging, plan, encoded, packaged, facts, described(plan, packaged.silent))
