"""`/api/v1/jobs/{id}/events`: a job's progress as server-sent events, while it lasts."""

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Header, Request, Response
from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.concurrency import run_in_threadpool

from pipeline.web.access import Ready
from pipeline.web.following import Following, Look, look

router = APIRouter(tags=["events"])

#: How often a silent stream says that it lives, seconds.
PING_S = 15
#: How long a browser waits before it connects again, milliseconds.
AGAIN_MS = 2000
#: Tells a browser's EventSource not to connect again (HTML Standard, 9.2.3).
NO_CONTENT = 204


@router.get("/api/v1/jobs/{job_id}/events", response_class=EventSourceResponse)
async def job_events(
    request: Request,
    runtime: Ready,
    job_id: str,
    last_event_id: Annotated[str | None, Header()] = None,
) -> Response:
    """Stream the job: event `job` with its JSON at once and on every change, `end` at its end.

    Who comes back with `Last-Event-ID` hears only what is new; 204 says that there is nothing.
    """
    first = await run_in_threadpool(look, runtime, job_id)
    if first.ended and first.mark == last_event_id:
        return Response(status_code=NO_CONTENT)
    following: Following = request.app.state.following
    return EventSourceResponse(_changes(following, first, last_event_id), ping=PING_S)


async def _changes(
    following: Following, first: Look, told: str | None
) -> AsyncIterator[ServerSentEvent]:
    async with following.join(first) as followed:
        yield ServerSentEvent(comment="following", retry=AGAIN_MS)
        while True:
            seen = await followed.after(told)
            told = seen.mark
            yield ServerSentEvent(event="job", id=seen.mark, data=seen.text)
            if seen.ended:
                yield ServerSentEvent(event="end", id=seen.mark, data=seen.state)
                return
