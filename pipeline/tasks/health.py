"""Health: have the library's results decoded again, a job at a time, when nothing else is to do."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.alerts.rules import channels_for
from pipeline.app import app, broker_priority, runtime
from pipeline.history import health as history
from pipeline.history import jobs
from pipeline.history.database import now
from pipeline.history.errors import DatabaseFull, JobNotFound
from pipeline.media.health import Published, examine
from pipeline.models import JobState
from pipeline.plan.encryption import present_key
from pipeline.settings.values import whole_seconds
from pipeline.tasks.hours import waits_until
from pipeline.tasks.planned import PlanOutdated, stored_plan
from pipeline.tasks.step import tools
from pipeline.tasks.timed import Timed, Told

if TYPE_CHECKING:
    from pydantic import SecretStr
    from sqlalchemy.orm import Session

    from pipeline.app import Runtime
    from pipeline.models import Job

#: Results that were decoded more recently are left out, unless the entry says otherwise.
RECHECK = "30d"
#: A check that no worker had time for is left to the next run after this long.
CHECK_EXPIRES = timedelta(days=1)
#: Where checks are done, by the workers that encode: they cost a decode. Any encode goes first.
QUEUE, PRIORITY = "check", 0


@app.task(base=Timed, name="pipeline.health", ignore_result=True)
def health(
    recheck: str = RECHECK, limit: int | None = None, profiles: tuple[str, ...] = ()
) -> Told:
    """Ask for a check of the results that were not decoded for longest."""
    ready = runtime()
    with ready.db.read() as session:
        found = history.to_check(session, whole_seconds(recheck), limit, profiles)
        counts, at = history.summary(session), now(session)
    for job_id in found:
        app.send_task(
            "pipeline.check_results",
            args=(job_id, at.isoformat()),
            queue=QUEUE,
            priority=broker_priority(PRIORITY),
            expires=at + CHECK_EXPIRES,
            ignore_result=True,
        )
    known = f"of {counts['results']} in the library {counts['checked']} were ever checked"
    damaged = f"{counts['damaged']} are damaged"
    return Told(f"{len(found)} to be checked; {known}, {damaged}", {**counts, "sent": len(found)})


@app.task(name="pipeline.check_results", ignore_result=True, throws=(DatabaseFull,))
def check_results(job_id: str, asked_at: str) -> str:
    """Decode what one job published, and keep what is found; returns a word for the log.

    Outside the hours of heavy work it is left to the next run.
    """
    ready = runtime()
    asked = datetime.fromisoformat(asked_at)
    with ready.db.read() as session:
        try:
            job = jobs.get(session, job_id)
        except JobNotFound:
            return "forgotten"
        if not history.wants_check(job, asked):
            return "checked before, or gone"
        if waits_until(ready, job, now(session)) is not None:
            return "left to the hours of heavy work"
        run, folder, published = job.run, Path(job.output_directory or ""), published_by(job)
        key = _key(ready, job)
    if not ready.settings.pipeline.paths.library.is_dir():
        return "the library is not there"
    found = examine(tools(), folder, published, key=key)
    channels = channels_for(ready.settings.notifications, history.DAMAGED)

    def record(session: Session) -> bool | None:
        job = jobs.get(session, job_id, lock=True)
        if job.run != run or not history.wants_check(job, asked):
            return None
        counted = (found.decoded, found.encrypted)
        return history.record(session, job, found.problems, channels, *counted)

    damaged = ready.db.write(record)
    if damaged is None:
        return "changed meanwhile"
    if damaged and channels:
        app.send_task("pipeline.notify", ignore_result=True)
    return "damaged" if damaged else "whole"


def _key(ready: Runtime, job: Job) -> SecretStr | None:
    """Find the key to the job's streams; None where there is none, or the profile has it no more.

    None also where its plan is not that of its results, or another version's: which key they have
    can't be told for sure.
    """
    if job.state is not JobState.SUCCEEDED:
        return None
    try:
        plan = stored_plan(job)
    except PlanOutdated:
        return None
    return present_key(plan, ready.settings.profiles.get(job.profile)) if plan else None


def published_by(job: Job) -> Published:
    """Say what the job's row knows of its output folder."""
    outputs = job.outputs or {}
    single = [outputs.get(kind) for kind in ("poster", "hls", "dash", "storyboard", "chapters")]
    tracks = [*outputs.get("audio", []), *outputs.get("subtitles", []), *outputs.get("posters", [])]
    files = [path for path in (*single, *(one.get("path") for one in tracks)) if path]
    whole = {row.path: row.frames for row in job.renditions if row.path.endswith(".mp4")}
    return Published(tuple(dict.fromkeys([*files, *whole])), whole)
