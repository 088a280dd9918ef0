"""Rendition: encode one unit of the plan, all its rungs from one decode."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from pipeline.app import app
from pipeline.history import events
from pipeline.media.encode import encode_unit
from pipeline.media.verify import verify_rendition
from pipeline.tasks.step import StepFailed, Work, perform, tools
from pipeline.tasks.workspace import flush_all

if TYPE_CHECKING:
    from celery import Task


@app.task(bind=True, name="pipeline.rendition", throws=(StepFailed,))
def rendition(self: Task[..., str], job_id: str, unit: str, steps: list[str]) -> str:
    """Encode what is not done yet of the unit's `steps` (a step a rung, one for the audio)."""
    return perform(self, job_id, tuple(steps), partial(_encode, unit_name=unit))


def _encode(work: Work, unit_name: str) -> None:
    work.check_source()
    plan = work.planned
    unit = plan.unit(unit_name)
    scratch = {
        step: work.workspace.scratch(step, attempt) for step, attempt in work.claim.attempts.items()
    }
    made = encode_unit(tools(), plan, unit, scratch, timeout_s=work.timeout_s, on_tick=work.tick)
    work.log = made.log
    for step, path in scratch.items():
        verify_rendition(tools(), plan, step, path, made.frames, on_tick=work.alive)
    work.check_source_kept()
    work.meanwhile(partial(flush_all, scratch.values()))
    with work.publishing() as (session, job):
        for step, attempt in work.claim.attempts.items():
            work.workspace.publish(step, attempt)
        for note in made.notes:
            events.add(session, job.id, "encoded", note)
