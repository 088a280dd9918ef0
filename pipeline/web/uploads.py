"""`POST /api/v1/uploads`: a file into a watched folder, by the same way as any other file."""

import os
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Annotated, Any, Self

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import JSONResponse, RedirectResponse
from pydantic import BaseModel
from python_multipart.multipart import parse_options_header
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect

from pipeline.errors import ReelworksError
from pipeline.history.views import JobView
from pipeline.settings.errors import nearest
from pipeline.settings.load import Settings
from pipeline.settings.pipeline import WatchFolder
from pipeline.tasks.ingest import submit_in
from pipeline.web.access import Ready, job_view, wants_page
from pipeline.web.jobs import SEE_OTHER
from pipeline.web.metrics import Metrics
from pipeline.web.multipart import cut_short, the_file
from pipeline.web.naming import accepted_name
from pipeline.web.receiving import Unfinished

router = APIRouter(tags=["uploads"])

#: Bytes gathered before the disk is asked: fewer, larger writes.
BLOCK = 1 << 20
FORM = b"multipart/form-data"
#: What a form may say beside the file, and the address as well; that may also name the file.
FIELDS = ("profile", "folder")
PARAMETERS = ("name", *FIELDS)
_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/octet-stream": {"schema": {"type": "string", "format": "binary"}},
            FORM.decode(): {
                "schema": {
                    "type": "object",
                    "properties": {
                        "profile": {"type": "string"},
                        "folder": {"type": "string"},
                        "file": {"type": "string", "format": "binary"},
                    },
                }
            },
        },
    }
}


class Uploaded(BaseModel):
    """The job an upload became."""

    id: str
    job: JobView


@dataclass(frozen=True)
class Asked:
    """What is asked for beside the file; None for what nobody said."""

    name: str | None = None
    folder: str | None = None
    profile: str | None = None

    def with_fields(self, fields: dict[str, str], name: str) -> Self:
        """Take from a form what the address does not say."""
        return type(self)(
            self.name or name,
            self.folder or fields.get("folder"),
            self.profile or fields.get("profile"),
        )


def _asked(
    request: Request,
    name: Annotated[
        str | None, Query(description="The file's name, for a body that has none")
    ] = None,
    folder: Annotated[
        str | None,
        Query(
            description="A watched folder, as in pipeline.yml or absolute; the first if left out"
        ),
    ] = None,
    profile: Annotated[
        str | None, Query(description="A profile; the folder's own if left out")
    ] = None,
) -> Asked:
    for key in request.query_params:
        if key not in PARAMETERS:
            raise ReelworksError(
                "bad_request",
                f"An upload has no parameter {key!r}.",
                nearest(key, PARAMETERS),
            )
    return Asked(name, folder, profile)


@router.post(
    "/api/v1/uploads",
    status_code=201,
    response_model=Uploaded,
    responses={200: {"model": Uploaded, "description": "The content has a job already"}},
    openapi_extra=_BODY,
)
async def upload(
    request: Request, runtime: Ready, asked: Annotated[Asked, Depends(_asked)]
) -> Response:
    """Take a file: the body of a request with `?name=`, or the file of a multipart form.

    It is written under a hidden name, flushed to disk and given its name in the watched folder,
    never another file's; an upload that is cut short leaves nothing. 201 when a job was made of
    it, 200 when its content has one already. In a form, `profile` and `folder` come before the
    file; a field or file after it, or a field of another name, has the upload refused.
    """
    with _counted(request.app.state.metrics):
        taken = await _receive(request, runtime.settings, asked)
        request.app.state.metrics.upload_bytes.inc(taken.size)
        submitted = await run_in_threadpool(submit_in, taken.path, taken.entry)
    job = await run_in_threadpool(job_view, runtime, submitted.job_id)
    if wants_page(request):
        return RedirectResponse(f"/jobs/{job.short_id}", SEE_OTHER)
    return JSONResponse(
        Uploaded(id=job.id, job=job).model_dump(mode="json"),
        status_code=HTTPStatus.CREATED if submitted.created else HTTPStatus.OK,
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


def watched_folder(watched: tuple[WatchFolder, ...], wanted: str | None, root: Path) -> WatchFolder:
    """Choose the watched folder: the first one, or the one of that path.

    A relative path is taken from `root`, and `~` is the home folder, as in pipeline.yml. Raises
    `ReelworksError` (`not_watched`).
    """
    place = None if wanted is None else _place(wanted, root)
    for entry in watched:
        if place is None or str(entry.path) == place:
            return entry
    known = "Watched folders are listed under `watch` in pipeline.yml."
    if wanted is None:
        raise ReelworksError("not_watched", "There is no watched folder to upload into.", known)
    raise ReelworksError(
        "not_watched",
        f"{wanted} is not a watched folder.",
        nearest(wanted, [str(entry.path) for entry in watched]) or known,
    )


def _place(wanted: str, root: Path) -> str:
    try:
        # Where nobody has such a home, the folder is one that is not watched, and no error.
        return os.path.normpath(root / os.path.expanduser(wanted))  # noqa: PTH111
    except ValueError:
        return wanted  # no name of a user has a zero byte


def destination(settings: Settings, asked: Asked) -> WatchFolder:
    """Choose where the file goes: into the watched folder, which makes it as its entry says.

    What is to be made with another profile goes apart, where no watcher takes it for the
    folder's own, and so does what nobody marks where the folder's own is marked; the rest of the
    entry holds for it too. Raises `ReelworksError` (`not_watched`, `no_such_profile`).
    """
    entry = watched_folder(settings.pipeline.watch, asked.folder, settings.root)
    profile = asked.profile or entry.profile
    if profile == entry.profile and entry.marker is None:
        return entry
    if profile not in settings.profiles:
        raise ReelworksError(
            "no_such_profile",
            f"There is no profile {profile!r}.",
            f"There are: {', '.join(settings.profiles)}.",
        )
    return entry.apart(profile)


@dataclass(frozen=True)
class Taken:
    """A file that has arrived: where it lies, under which rules, and its size in bytes."""

    path: Path
    entry: WatchFolder
    size: int


async def _receive(request: Request, settings: Settings, asked: Asked) -> Taken:
    """Take the file out of the request."""
    kind, options = parse_options_header(request.headers.get("content-type", ""))
    declared = request.headers.get("content-length")
    expected = int(declared) if declared is not None and declared.isdigit() else None
    chunks: AsyncIterator[bytes] = request.stream()
    try:
        if kind == FORM:
            form = await the_file(chunks, options.get(b"boundary", b""), FIELDS)
            asked = asked.with_fields(form.fields, form.name)
            return await _store(form.content, settings, asked, room=expected)
        return await _store(chunks, settings, asked, room=expected, exactly=expected)
    except ClientDisconnect as error:
        raise cut_short() from error


async def _store(
    chunks: AsyncIterator[bytes],
    settings: Settings,
    asked: Asked,
    *,
    room: int | None,
    exactly: int | None = None,
) -> Taken:
    entry = destination(settings, asked)
    if not asked.name:
        raise ReelworksError("bad_request", "The file has no name.", "Add `?name=clip.mp4`.")
    name = accepted_name(asked.name, entry)
    unfinished = await run_in_threadpool(Unfinished, entry.path, room)
    try:
        async for block in _blocks(chunks):
            await run_in_threadpool(unfinished.write, block)
        if exactly is not None and unfinished.size != exactly:
            raise cut_short()
        if unfinished.size == 0:
            raise ReelworksError("empty", f"{name} is empty.", "Give the file with its content.")
        path = await run_in_threadpool(unfinished.publish, name)
        return Taken(path, entry, unfinished.size)
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
