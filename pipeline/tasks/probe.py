"""Probe: read what the source is, and plan what will be made of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.app import app
from pipeline.errors import ReelworksError
from pipeline.history import events, jobs, plans
from pipeline.media import probe as reading
from pipeline.media.encode import check_watermark
from pipeline.media.errors import nothing_to_make
from pipeline.models import StepKind
from pipeline.plan.plan import make_plan
from pipeline.plan.wished import described
from pipeline.tasks.capacity import capacity
from pipeline.tasks.giving_way import give_way
from pipeline.tasks.step import EXPECTED, Work, perform, tools

if TYPE_CHECKING:
    from celery import Task
    from sqlalchemy.orm import Session

    from pipeline.models import Job
    from pipeline.settings.pipeline import PipelineSettings


@app.task(bind=True, name="pipeline.probe", throws=EXPECTED, ignore_result=True)
def probe(self: Task[..., str], job_id: str) -> str:
    """Probe the job's source and keep its plan."""
    give_way(self, job_id, StepKind.PROBE)
    return perform(self, job_id, ("probe",), _probe)


def _probe(work: Work) -> None:
    settings = work.runtime.settings
    work.check_source()
    profile = settings.profile(work.profile)
    with work.runtime.db.read() as session:
        tag = _tag(settings.pipeline, jobs.get(session, work.claim.job_id).needs or profile.needs)
    source = reading.probe(
        tools(),
        work.origin.path,
        settings.pipeline.limits,
        salvage=profile.damaged == "salvage",
        on_tick=work.tick,
    )
    with work.runtime.db.read() as session:
        job = jobs.get(session, work.claim.job_id)
        source = described(source, title=job.title, language=job.language, tags=job.tags)
        plan = make_plan(source, profile, capacity(session, work.claim.job_id, tag), tag)
    if not plan.units:
        raise nothing_to_make(plan)
    check_watermark(plan)  # now, and not only when an encoder has become free
    work.check_source_kept()

    def record(session: Session, job: Job) -> None:
        plans.record_plan(
            session,
            job,
            plan.model_dump(mode="json"),
            duration_s=source.duration_s,
            size=(source.display_width, source.display_height) if source.video else None,
            units=[(unit.name, unit.steps) for unit in plan.units],
            ranges=[unit.name for unit in plan.ranges],
            join=next((unit.name for unit in plan.units if unit.kind == "join"), None),
        )
        job.tag = tag
        made = ", ".join(one.name for one in plan.renditions)
        events.add(session, job.id, "planned", f"planned {made}")
        for sentence in plan.notes:
            events.add(session, job.id, "planned", sentence)
        for sentence in source.left_out:
            events.add(session, job.id, "left_out", sentence)

    work.publish(record)


def _tag(settings: PipelineSettings, needed: str | None) -> str | None:
    """Give the tag that the job's encodes need. Raises `ReelworksError` where there is none such.

    It was there when the file was found.
    """
    if needed is not None and needed not in settings.tags:
        raise ReelworksError(
            "no_such_tag",
            f"The job needs a worker with the tag {needed}, which pipeline.yml no longer has.",
            "Add it to `tags` again and retry the job, or drop the file once more.",
        )
    return needed
