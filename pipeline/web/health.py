"""`/healthz`, `/readyz` and `/metrics`: for those that watch over the system."""

import os
from http import HTTPStatus

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST

from pipeline.app import Runtime
from pipeline.errors import ReelworksError
from pipeline.history import schema
from pipeline.web.access import Ready
from pipeline.web.answers import answer

router = APIRouter(tags=["health"])


@router.head("/healthz", include_in_schema=False)
@router.get("/healthz")
def healthz() -> dict[str, str]:
    """Say that this process answers."""
    return {"status": "ok"}


@router.head("/readyz", include_in_schema=False)
@router.get("/readyz")
def readyz(runtime: Ready) -> JSONResponse:
    """Say whether uploads can be taken and jobs shown: 200, or 503 and what is wrong."""
    try:
        problem = _problem(runtime)
    except ReelworksError as error:
        problem = error
    if problem is not None:
        status = HTTPStatus.SERVICE_UNAVAILABLE
        return answer(status, problem.code, problem.message, problem.hint)
    return JSONResponse({"status": "ready"})


def _problem(runtime: Runtime) -> ReelworksError | None:
    if not schema.is_current(runtime.db):
        return ReelworksError(
            "not_migrated",
            "The database's tables are not of this release.",
            "Any part that starts brings them up to date.",
        )
    if (full := runtime.db.lacks_room()) is not None:
        return full
    for entry in runtime.settings.pipeline.watch[:1]:
        if entry.path.exists() and not os.access(entry.path, os.W_OK | os.X_OK):
            return ReelworksError(
                "unwritable",
                f"The watched folder {entry.path} can't be written to.",
                "Give the user that runs Reelworks the right to.",
            )
    return None


@router.get("/metrics")
def metrics(request: Request) -> Response:
    """Count jobs and steps by state, alerts still owed, uploads and listeners."""
    state = request.app.state
    state.metrics.listeners.set(state.following.listeners)
    return Response(state.metrics.text(), media_type=CONTENT_TYPE_LATEST)
