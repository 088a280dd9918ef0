"""Put the web part together, and serve it."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

import uvicorn
from fastapi import FastAPI
from fastapi.staticfiles import StaticFiles

from pipeline.web import errors, events, files, health, jobs, pages, security, uploads

if TYPE_CHECKING:
    from pipeline.app import Runtime

STATIC = Path(__file__).parent / "static"
#: How long a stop waits for requests, seconds: open event streams would hold it for ever.
STOP_S = 3


def create_app(runtime: Runtime) -> FastAPI:
    """Build the application on an open runtime."""
    app = FastAPI(title="Reelworks", openapi_url="/api/v1/openapi.json", docs_url=None)
    app.state.runtime = runtime
    security.install(app, runtime.settings.pipeline.web.listen.host)
    errors.install(app)
    for part in (pages, jobs, uploads, events, files, health):
        app.include_router(part.router)
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    return app


def serve(runtime: Runtime, host: str, port: int) -> None:
    """Serve until told to stop (SIGTERM, SIGINT)."""
    logging.getLogger("uvicorn.access").setLevel(logging.WARNING)
    uvicorn.run(
        create_app(runtime),
        host=host,
        port=port,
        log_config=None,
        server_header=False,
        timeout_graceful_shutdown=STOP_S,
    )
