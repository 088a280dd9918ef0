"""Rendition: make one unit of the plan: all its rungs from one decode, a range, or the joining."""

from __future__ import annotations

from contextlib import nullcontext
from functools import partial
from typing import TYPE_CHECKING

from pipeline.app import app, runtime
from pipeline.durability import flush_all
from pipeline.history import events, workers
from pipeline.media.capabilities import encodes
from pipeline.media.fallback import encode_verified
from pipeline.models import StepKind
from pipeline.plan.hardware import encoder_name
from pipeline.plan.space import encode_bytes
from pipeline.tasks import ranges
from pipeline.tasks.encoders import shared
from pipeline.tasks.giving_way import give_way
from pipeline.tasks.hours import held
from pipeline.tasks.room import Room
from pipeline.tasks.step import EXPECTED, Work, perform, tools
from pipeline.tasks.turns import encoding

if TYPE_CHECKING:
    from celery import Task
    from sqlalchemy.orm import Session

    from pipeline.models import Job
    from pipeline.plan.encodes import EncodeUnit


@app.task(bind=True, name="pipeline.rendition", throws=EXPECTED)
def rendition(self: Task[..., str], job_id: str, unit: str, steps: list[str]) -> str:
    """Make what is not done yet of the unit's `steps` (a step a rung, one for the audio)."""
    if held(runtime(), job_id):
        return "held until its hours begin"
    give_way(self, job_id, StepKind.RENDITION)
    room = partial(_room, unit_name=unit)
    encoders = shared()
    with nullcontext() if encoders is None else encoders.step():
        return perform(self, job_id, tuple(steps), partial(_encode, unit_name=unit), room)


def _room(work: Work, unit_name: str) -> Room:
    needed = encode_bytes(work.planned, work.planned.unit(unit_name))
    return Room(work.workspace.folder, needed)


def _encode(work: Work, unit_name: str) -> None:
    unit = work.planned.unit(unit_name)
    make = {"whole": _encode_whole, "range": ranges.encode, "join": ranges.join}[unit.kind]
    make(work, unit)


def _encode_whole(work: Work, unit: EncodeUnit) -> None:
    work.check_source()
    plan = work.planned
    scratch = {
        step: work.workspace.scratch(step, attempt) for step, attempt in work.claim.attempts.items()
    }
    made = encode_verified(
        tools(),
        plan,
        unit,
        scratch,
        timeout_s=lambda: work.timeout_s,
        on_tick=work.tick,
        on_check=work.alive,
        on_fallback=partial(_fell_back, work, unit),
        encoding=partial(encoding, work, unit),
    )
    work.log = made.log
    work.check_source_kept()
    work.meanwhile(partial(flush_all, scratch.values()))

    def publish(session: Session, job: Job) -> None:
        for step, attempt in work.claim.attempts.items():
            work.workspace.publish(step, attempt)
        for note in made.notes:
            events.add(session, job.id, "encoded", note)

    work.publish(publish)


def _fell_back(work: Work, unit: EncodeUnit, sentence: str) -> None:
    """Tell the job's history at once, and see whether this worker's hardware is lost for good."""
    db, job_id = work.runtime.db, work.claim.job_id
    db.write(lambda session: events.add(session, job_id, "fell_back", sentence, unit=unit.name))
    if unit.capability == "cpu":
        return
    codecs = {one.codec for one in work.planned.videos if one.name in unit.renditions}
    for codec in sorted(codecs):
        works = encodes(tools().ffmpeg, encoder_name(unit.capability, codec))
        work.beat(0.0)
        if not works:
            name = work.claim.owner.rpartition("/")[0]
            withdraw = partial(workers.withdraw, name=name, kind=unit.capability, codec=codec)
            db.write(withdraw)
