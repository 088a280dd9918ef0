"""What every route is given: the runtime, a job by its id, and whether a person is asking."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Query, Request

from pipeline.app import Runtime
from pipeline.history import jobs, listing
from pipeline.history.views import JobView
from pipeline.history.which import Which
from pipeline.models import JobState


async def _runtime(request: Request) -> Runtime:
    # No thread is needed for it, as one would be for a plain function.
    runtime: Runtime = request.app.state.runtime
    return runtime


Ready = Annotated[Runtime, Depends(_runtime)]


def job_view(runtime: Runtime, job_id: str) -> JobView:
    """Show one job. Raises `JobNotFound`."""
    with runtime.db.read() as session:
        return jobs.view(session, job_id)


def _which(
    runtime: Ready,
    name: Annotated[str | None, Query(description="A part of the file's name")] = None,
    profile: Annotated[str | None, Query(description="A profile's name")] = None,
    state: JobState | None = None,
    before: Annotated[str | None, Query(description="Only those made before this job")] = None,
) -> Which:
    which = Which(name=name or None, profile=profile or None, state=state)
    if not before:
        return which
    with runtime.db.read() as session:
        return listing.before(session, before, which)


Wanted = Annotated[Which, Depends(_which)]


def wants_page(request: Request) -> bool:
    """Whether a browser asks for something to show: programs and scripts get JSON."""
    return "text/html" in request.headers.get("accept", "")
