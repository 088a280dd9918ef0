"""Put the web part together."""

from __future__ import annotations

from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from fastapi import FastAPI
from fastapi.staticfiles import StaticFiles
from starlette.concurrency import run_in_threadpool

from pipeline.web import errors, events, files, health, jobs, pages, receiving, security, uploads
from pipeline.web.following import Following
from pipeline.web.metrics import Metrics

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

    from pipeline.app import Runtime

STATIC = Path(__file__).parent / "static"


def create_app(runtime: Runtime, hosts: Iterable[str] = ()) -> FastAPI:
    """Build the application on an open runtime.

    `hosts` are further names to answer to, besides this machine's own: the public name that a
    proxy in front passes on, for example.
    """
    # Both pages of documentation would load their scripts from other hosts.
    app = FastAPI(
        title="Reelworks",
        openapi_url="/api/v1/openapi.json",
        docs_url=None,
        redoc_url=None,
        lifespan=_lifespan,
    )
    app.state.runtime = runtime
    app.state.following = Following(runtime)
    app.state.metrics = Metrics(runtime)
    errors.install(app)
    app.add_middleware(
        security.Guard, names=security.Names(runtime.settings.pipeline.web.listen.host, hosts)
    )
    for part in (pages, jobs, uploads, events, files, health):
        app.include_router(part.router)
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    for entry in app.state.runtime.settings.pipeline.watch:
        await run_in_threadpool(receiving.sweep, entry.path)
    yield
    await app.state.following.stop()
