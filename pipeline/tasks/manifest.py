"""Manifest: package the renditions, verify all of it, and let the output folder appear whole."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.app import app
from pipeline.durability import flush_all
from pipeline.history import jobs
from pipeline.history.views import JobView, job_view
from pipeline.media.checksums import JOB_FILE, FileSum, sha256, sums
from pipeline.media.extras import Making, make_extras
from pipeline.media.package import package
from pipeline.media.verify import verify_output
from pipeline.models import JobState, StepKind, StepState
from pipeline.plan.encryption import present_key
from pipeline.plan.names import output_folder
from pipeline.plan.outputs import described
from pipeline.plan.posters import POSTER
from pipeline.plan.space import package_bytes
from pipeline.tasks.beside import beside
from pipeline.tasks.finalise import finalise
from pipeline.tasks.giving_way import give_way
from pipeline.tasks.remaking import make_again
from pipeline.tasks.room import Room
from pipeline.tasks.step import EXPECTED, Work, perform, tools
from pipeline.tasks.workspace import publish_folder

if TYPE_CHECKING:
    from collections.abc import Callable

    from celery import Task
    from sqlalchemy.orm import Session

    from pipeline.media.process import Progress
    from pipeline.models import Job


class JobFile(JobView):
    """What `job.json` says: the job, and the checksum of every other file of its folder."""

    files: list[FileSum]


@app.task(bind=True, name="pipeline.manifest", throws=EXPECTED, ignore_result=True)
def manifest(self: Task[..., str], job_id: str) -> str:
    """Package the job's renditions and publish its output folder; the job has then succeeded."""
    give_way(self, job_id, StepKind.MANIFEST)
    return perform(self, job_id, ("manifest",), _manifest, _room)


def _room(work: Work) -> Room:
    """Tell what the output folder needs; results that are gone are told later."""
    results = [work.workspace.result(step) for step in work.planned.steps]
    sizes = [path.stat().st_size for path in results if path.is_file()]
    return Room(work.workspace.library, package_bytes(work.planned, sizes))


def _manifest(work: Work) -> None:
    plan = work.planned
    attempt = work.claim.attempts["manifest"]
    inputs = _inputs(work)
    staging = work.workspace.staging(attempt)
    staging.mkdir(parents=True)
    key = present_key(plan, work.runtime.settings.profiles.get(work.profile))
    shutil.copyfile(work.workspace.result("thumbnail"), staging / POSTER)

    def side(tick: Callable[[Progress], None]) -> dict[str, Any]:
        return make_extras(Making(tools(), staging, work.timeout_s, tick), plan, inputs)

    with beside(side) as extras_being_made:
        made = package(
            tools(), plan, inputs, staging, key=key, timeout_s=work.timeout_s, on_tick=work.tick
        )
        work.log = made.log
        extras = work.awaited(extras_being_made)
    facts = verify_output(tools(), plan, inputs, staging, silent=made.silent, on_tick=work.tick)
    paths = {"poster": POSTER, **made.paths, **described(plan, made.silent), **extras}
    folder = output_folder(Path(work.original_name).stem, work.claim.job_id)
    final = work.workspace.library / work.library_subfolder / folder
    outputs = [jobs.OutputFacts(**fact.model_dump()) for fact in facts]
    files = work.meanwhile(partial(sums, staging))
    (staging / JOB_FILE).write_text(_job_file(work, final, paths, outputs, files))
    paths["job_file_sha256"] = sha256(staging / JOB_FILE)
    work.meanwhile(partial(flush_all, [staging]))
    appear = cache(partial(publish_folder, staging, final))  # once, however often it is recorded

    def publish(session: Session, job: Job) -> Path | None:
        jobs.record_outputs(session, job, str(final), paths, outputs)
        session.flush()
        return appear()

    former = work.publish(publish)
    if former is not None:
        shutil.rmtree(former, ignore_errors=True)
    finalise(work.runtime, work.claim.job_id, JobState.SUCCEEDED, run=work.run)


def _inputs(work: Work) -> dict[str, Path]:
    """Find each step's finished result; what is gone is made again."""
    names = ["thumbnail", *work.planned.steps]
    found = {step: work.workspace.result(step) for step in names}
    gone = [step for step, path in found.items() if not path.is_file()]
    if gone:
        make_again(work, gone)
    del found["thumbnail"]
    return found


def _job_file(
    work: Work,
    final: Path,
    paths: dict[str, str],
    outputs: list[jobs.OutputFacts],
    files: list[FileSum],
) -> str:
    """Write down the job as it will stand once its folder has appeared."""
    with work.runtime.db.read() as session:
        job = jobs.get(session, work.claim.job_id)
        session.refresh(job, ["steps", "renditions"])
    # The row is nobody's now: what is changed in it is not written to the database.
    jobs.describe_outputs(job, str(final), paths, outputs)
    view = _as_succeeded(job)
    return JobFile(**dict(view), files=files).model_dump_json(indent=2) + "\n"


def _as_succeeded(job: Job) -> JobView:
    at = datetime.now(UTC)
    job.state = JobState.SUCCEEDED
    view = job_view(job)
    done = [
        step
        if step.kind != "manifest"
        else step.model_copy(
            update={"state": StepState.DONE.value, "progress": 1.0, "finished_at": at}
        )
        for step in view.steps
    ]
    return view.model_copy(update={"steps": done, "finished_at": at})
