"""The pages: the library with its drop zone, and one job with its progress and its result."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse

from pipeline.history import events, jobs
from pipeline.models import JobState
from pipeline.web.access import Ready
from pipeline.web.templating import templates

router = APIRouter(include_in_schema=False)

#: How many jobs a page of the library shows at first, and by how many it grows.
SHOWN = 48
MOST_SHOWN = 480


@router.api_route("/", methods=["GET", "HEAD"])
def library(
    request: Request,
    runtime: Ready,
    state: JobState | None = None,
    limit: Annotated[int, Query(ge=1, le=MOST_SHOWN)] = SHOWN,
) -> HTMLResponse:
    """Show the newest jobs, of one state if asked, and take uploads."""
    with runtime.db.read() as session:
        counts = jobs.count_by_state(session)
        views = jobs.list_views(session, state=state.value if state else None, limit=limit)
    total = counts[state.value] if state else sum(counts.values())
    watched = runtime.settings.pipeline.watch
    return templates.TemplateResponse(
        request,
        "library.html",
        {
            "jobs": views,
            "counts": counts,
            "state": state.value if state else None,
            "more": min(limit + SHOWN, MOST_SHOWN) if len(views) < total else None,
            "folder": watched[0] if watched else None,
        },
    )


@router.api_route("/jobs/{job_id}", methods=["GET", "HEAD"])
def job_page(request: Request, runtime: Ready, job_id: str) -> HTMLResponse:
    """Show one job: its progress while it runs, its result when it is done."""
    with runtime.db.read() as session:
        job = jobs.view(session, job_id)
        log = events.since(session, job.id)
    return templates.TemplateResponse(request, "job.html", {"job": job, "log": log})
