"""`/api/v1/jobs`: the history as JSON, and retry and cancel."""

from typing import Annotated

from fastapi import APIRouter, Query

from pipeline import workflows
from pipeline.history.views import JobView
from pipeline.models import JobState
from pipeline.web.access import Ready, job_view, job_views

router = APIRouter(prefix="/api/v1/jobs", tags=["jobs"])


@router.get("")
def list_jobs(
    runtime: Ready,
    state: JobState | None = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
) -> list[JobView]:
    """List jobs, newest first."""
    return job_views(runtime, state.value if state else None, limit)


@router.get("/{job_id}")
def show_job(runtime: Ready, job_id: str) -> JobView:
    """Show one job."""
    return job_view(runtime, job_id)


@router.post("/{job_id}/retry")
def retry_job(runtime: Ready, job_id: str) -> JobView:
    """Run an ended job again."""
    return workflows.retry(job_view(runtime, job_id).id)


@router.post("/{job_id}/cancel")
def cancel_job(runtime: Ready, job_id: str) -> JobView:
    """End a job now."""
    return workflows.cancel(job_view(runtime, job_id).id)
