"""Put the web part together."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from fastapi import FastAPI
from fastapi.staticfiles import StaticFiles
from starlette.concurrency import run_in_threadpool

from pipeline.web import errors, events, files, health, jobs, pages, receiving, security, uploads
from pipeline.web.following import Following
from pipeline.web.metrics import Metrics

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Sequence

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
    watched = [entry.path for entry in app.state.runtime.settings.pipeline.watch]
    await _sweep(watched)
    later = asyncio.create_task(_sweep_again(watched))
    yield
    later.cancel()
    with suppress(asyncio.CancelledError):
        await later
    await app.state.following.stop()


async def _sweep(folders: Sequence[Path]) -> None:
    for folder in folders:
        await run_in_threadpool(receiving.sweep, folder)


async def _sweep_again(folders: Sequence[Path]) -> None:
    """Remove what was still too fresh at the start: it is of a server that was killed just then."""
    await asyncio.sleep(receiving.FRESH_S + 1)
    await _sweep(folders)
