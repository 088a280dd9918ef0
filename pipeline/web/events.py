"""`/api/v1/jobs/{id}/events`: a job's progress as server-sent events, while it lasts."""

import asyncio
from collections.abc import AsyncIterator

from fastapi import APIRouter, Request
from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.concurrency import run_in_threadpool

from pipeline.app import Runtime
from pipeline.web.access import Ready, job_view

router = APIRouter(tags=["events"])

#: How often the database is looked at for one listener, seconds.
LOOK_S = 0.7
#: How often a silent stream says that it lives, seconds.
PING_S = 15


@router.get("/api/v1/jobs/{job_id}/events")
async def job_events(request: Request, runtime: Ready, job_id: str) -> EventSourceResponse:
    """Stream the job: event `job` with its JSON at once and on every change, `end` at its end."""
    first = await run_in_threadpool(job_view, runtime, job_id)
    return EventSourceResponse(_changes(request, runtime, first.id), ping=PING_S)


async def _changes(
    request: Request, runtime: Runtime, job_id: str
) -> AsyncIterator[ServerSentEvent]:
    told = ""
    while not await request.is_disconnected():
        view = await run_in_threadpool(job_view, runtime, job_id)
        text = view.model_dump_json()
        if text != told:
            told = text
            yield ServerSentEvent(event="job", data=text)
        if view.ended:
            yield ServerSentEvent(event="end", data=view.state)
            return
        await asyncio.sleep(LOOK_S)
