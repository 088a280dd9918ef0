"""`POST /api/v1/uploads`: a file into a watched folder, by the same way as any other file."""

import re
import unicodedata
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePath
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import JSONResponse, RedirectResponse
from pydantic import BaseModel
from python_multipart.multipart import parse_options_header
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect

from pipeline.errors import ReelworksError
from pipeline.history.views import JobView
from pipeline.ingest.candidate import is_candidate
from pipeline.settings.pipeline import WatchFolder
from pipeline.tasks.ingest import submit_path
from pipeline.web.access import Ready, job_view, wants_page
from pipeline.web.jobs import SEE_OTHER
from pipeline.web.metrics import Metrics
from pipeline.web.multipart import cut_short, first_file
from pipeline.web.receiving import Unfinished

router = APIRouter(tags=["uploads"])

#: The longest name a file keeps, bytes: with a number added it fits any file system's 255.
LONGEST_NAME = 200
LONGEST_SUFFIX = 20
#: Bytes gathered before the disk is asked: fewer, larger writes.
BLOCK = 1 << 20
FORM = b"multipart/form-data"
#: What is never in a name we give a file: control characters, and what other systems refuse.
_UNSAFE = re.compile(r'[\x00-\x1f\x7f-\x9f:*?"<>|]')
_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/octet-stream": {"schema": {"type": "string", "format": "binary"}},
            FORM.decode(): {
                "schema": {
                    "type": "object",
                    "properties": {"file": {"type": "string", "format": "binary"}},
                }
            },
        },
    }
}


class Uploaded(BaseModel):
    """The job an upload became."""

    id: str
    job: JobView


@router.post("/api/v1/uploads", status_code=201, response_model=Uploaded, openapi_extra=_BODY)
async def upload(
    request: Request,
    runtime: Ready,
    name: Annotated[
        str | None, Query(description="The file's name, for a body that has none")
    ] = None,
    folder: Annotated[
        str | None, Query(description="A watched folder; the first one if left out")
    ] = None,
) -> Response:
    """Take a file: the body of a request with `?name=`, or the first file of a multipart form.

    It is written under a hidden name, flushed to disk and given its name in the watched folder,
    never another file's; an upload that is cut short leaves nothing.
    """
    with _counted(request.app.state.metrics):
        entry = watched_folder(runtime.settings.pipeline.watch, folder)
        path, size = await _receive(request, entry, name)
        request.app.state.metrics.upload_bytes.inc(size)
        job_id = await run_in_threadpool(submit_path, path)
    job = await run_in_threadpool(job_view, runtime, job_id)
    if wants_page(request):
        return RedirectResponse(f"/jobs/{job.short_id}", SEE_OTHER)
    return JSONResponse(
        Uploaded(id=job.id, job=job).model_dump(mode="json"),
        status_code=201,
        headers={"Location": f"/api/v1/jobs/{job.id}"},
    )


@contextmanager
def _counted(metrics: Metrics) -> Iterator[None]:
    try:
        yield
    except ReelworksError as error:
        metrics.uploads.labels(error.code).inc()
        raise
    metrics.uploads.labels("accepted").inc()


def watched_folder(watched: tuple[WatchFolder, ...], wanted: str | None) -> WatchFolder:
    """Choose the watched folder: the first one, or the one of that path.

    Raises `ReelworksError` (`not_watched`).
    """
    for entry in watched:
        if wanted is None or str(entry.path) == wanted:
            return entry
    raise ReelworksError(
        "not_watched",
        "There is no watched folder to upload into."
        if wanted is None
        else f"{wanted} is not a watched folder.",
        "Watched folders are listed under `watch` in pipeline.yml.",
    )


async def _receive(request: Request, entry: WatchFolder, name: str | None) -> tuple[Path, int]:
    """Take the file out of the request; returns where it lies, and its size in bytes."""
    kind, options = parse_options_header(request.headers.get("content-type", ""))
    declared = request.headers.get("content-length")
    expected = int(declared) if declared is not None and declared.isdigit() else None
    chunks: AsyncIterator[bytes] = request.stream()
    try:
        if kind == FORM:
            form_name, chunks = await first_file(chunks, options.get(b"boundary", b""))
            return await _store(chunks, entry, name or form_name, room=expected)
        if not name:
            raise ReelworksError("bad_request", "The file has no name.", "Add `?name=clip.mp4`.")
        return await _store(chunks, entry, name, room=expected, exactly=expected)
    except ClientDisconnect as error:
        raise cut_short() from error


async def _store(
    chunks: AsyncIterator[bytes],
    entry: WatchFolder,
    given: str,
    *,
    room: int | None,
    exactly: int | None = None,
) -> tuple[Path, int]:
    name = accepted_name(given, entry)
    unfinished = await run_in_threadpool(Unfinished, entry.path, room)
    try:
        async for block in _blocks(chunks):
            await run_in_threadpool(unfinished.write, block)
        if exactly is not None and unfinished.size != exactly:
            raise cut_short()
        if unfinished.size == 0:
            raise ReelworksError("empty", f"{name} is empty.", "Give the file with its content.")
        return await run_in_threadpool(unfinished.publish, name), unfinished.size
    finally:
        unfinished.discard()


async def _blocks(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Gather what arrives into blocks of about `BLOCK` bytes."""
    block = bytearray()
    async for chunk in chunks:
        block += chunk
        if len(block) >= BLOCK:
            yield bytes(block)
            block.clear()
    if block:
        yield bytes(block)


def accepted_name(given: str, entry: WatchFolder) -> str:
    """Make a safe name of what a sender gave, before a byte of the file is taken.

    Raises `ReelworksError` (`refused_format`) when the folder does not take files named so.
    """
    name = safe_name(given)
    if PurePath(name).suffix.lower() not in entry.extensions:
        raise ReelworksError(
            "refused_format",
            f"{name!r} is not named as a video or audio file.",
            f"Taken are: {', '.join(entry.extensions)}.",
        )
    if not is_candidate(PurePath(name), entry):
        raise ReelworksError(
            "refused_format",
            f"The watched folder ignores files named like {name!r}.",
            "Rename it; what is ignored is listed under `watch` in pipeline.yml.",
        )
    return name


def safe_name(given: str) -> str:
    """Make a file name of what a sender gave: no folders, no control characters, not hidden."""
    last = re.split(r"[/\\]", unicodedata.normalize("NFC", given))[-1]
    plain = _UNSAFE.sub("_", last.encode("utf-8", "replace").decode()).strip().lstrip(". ")
    stem, suffix = PurePath(plain or "upload").stem, PurePath(plain).suffix
    if len(suffix.encode()) > LONGEST_SUFFIX:
        stem, suffix = stem + suffix, ""
    room = LONGEST_NAME - len(suffix.encode())
    return stem.encode()[:room].decode("utf-8", "ignore").rstrip() + suffix
