"""`/healthz`, `/readyz` and `/metrics`: for those that watch over the system."""

from fastapi import APIRouter
from fastapi.responses import PlainTextResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Gauge, generate_latest

from pipeline.history import jobs, outbox, schema
from pipeline.history.errors import DatabaseUnreachable
from pipeline.web.access import Ready

router = APIRouter(tags=["health"])


@router.get("/healthz")
def healthz() -> PlainTextResponse:
    """Say that this process answers."""
    return PlainTextResponse("ok\n")


@router.get("/readyz")
def readyz(runtime: Ready) -> PlainTextResponse:
    """Say whether the database answers and has this release's tables: 200 or 503."""
    try:
        current = schema.is_current(runtime.db)
    except DatabaseUnreachable as error:
        return PlainTextResponse(f"{error.message}\n", 503)
    return PlainTextResponse("ready\n" if current else "not migrated\n", 200 if current else 503)


@router.get("/metrics")
def metrics(runtime: Ready) -> Response:
    """Count jobs by state and alerts still owed, in Prometheus' text format."""
    registry = CollectorRegistry()
    by_state = Gauge("reelworks_jobs", "Jobs in each state.", ["state"], registry=registry)
    owed = Gauge("reelworks_alerts_owed", "Alerts not delivered yet.", registry=registry)
    with runtime.db.read() as session:
        for state, count in jobs.count_by_state(session).items():
            by_state.labels(state).set(count)
        owed.set(outbox.pending(session))
    return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)
