"""What every route is given: the runtime, a job by its id, and whether a person is asking."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request

from pipeline.app import Runtime
from pipeline.history import jobs
from pipeline.history.views import JobView


def _runtime(request: Request) -> Runtime:
    runtime: Runtime = request.app.state.runtime
    return runtime


Ready = Annotated[Runtime, Depends(_runtime)]


def job_view(runtime: Runtime, job_id: str) -> JobView:
    """Show one job. Raises `JobNotFound`."""
    with runtime.db.read() as session:
        return jobs.view(session, job_id)


def job_views(runtime: Runtime, state: str | None = None, limit: int = 50) -> list[JobView]:
    """Show the newest jobs."""
    with runtime.db.read() as session:
        return jobs.list_views(session, state=state, limit=limit)


def wants_page(request: Request) -> bool:
    """Whether a browser asks for something to show: programs and scripts get JSON."""
    return "text/html" in request.headers.get("accept", "")
