"""`/api/v1/jobs`: the history as JSON, and retry and cancel."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import JSONResponse, RedirectResponse

from pipeline import workflows
from pipeline.history import listing
from pipeline.history.views import JobView
from pipeline.web.access import Ready, Wanted, job_view, wants_page

router = APIRouter(prefix="/api/v1/jobs", tags=["jobs"])

#: What a form of a page is answered with: look at the job (RFC 9110, 15.4.4).
SEE_OTHER = 303


@router.get("")
def list_jobs(
    runtime: Ready,
    which: Wanted,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
) -> list[JobView]:
    """List jobs, newest first. The last one's id, as `before`, asks for those that follow."""
    with runtime.db.read() as session:
        return listing.newest(session, limit=limit, which=which)


@router.get("/{job_id}")
def show_job(runtime: Ready, job_id: str) -> JobView:
    """Show one job, by its id or a beginning of it that no other job's id has."""
    return job_view(runtime, job_id)


@router.post("/{job_id}/retry", response_model=JobView)
def retry_job(request: Request, runtime: Ready, job_id: str) -> Response:
    """Run an ended job again."""
    return _shown(request, workflows.retry(job_view(runtime, job_id).id))


@router.post("/{job_id}/cancel", response_model=JobView)
def cancel_job(request: Request, runtime: Ready, job_id: str) -> Response:
    """End a job now."""
    return _shown(request, workflows.cancel(job_view(runtime, job_id).id))


def _shown(request: Request, job: JobView) -> Response:
    """Answer a program with the job, and a form of a page without scripts with the job's page."""
    if wants_page(request):
        return RedirectResponse(f"/jobs/{job.short_id}", SEE_OTHER)
    return JSONResponse(job.model_dump(mode="json"))
