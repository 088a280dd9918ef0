"""`POST /api/v1/uploads`: a file into a watched folder, by the same way as any other file."""

import os
import re
import secrets
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel
from python_multipart.multipart import parse_options_header
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect

from pipeline.errors import ReelworksError
from pipeline.history.views import JobView
from pipeline.settings.pipeline import WatchFolder
from pipeline.tasks.ingest import submit_path
from pipeline.web.access import Ready, job_view
from pipeline.web.multipart import first_file

router = APIRouter(tags=["uploads"])

#: The longest name a file keeps, bytes: with a number added it fits any file system's 255.
LONGEST_NAME = 200
#: What is never in a name we give a file.
_UNSAFE = re.compile(r'[\x00-\x1f\x7f/\\:*?"<>|]')


class Uploaded(BaseModel):
    """The job an upload became."""

    id: str
    job: JobView


@router.post("/api/v1/uploads", status_code=201)
async def upload(
    request: Request,
    response: Response,
    runtime: Ready,
    name: str | None = None,
    folder: Annotated[
        str | None, Query(description="A watched folder; the first one if left out")
    ] = None,
) -> Uploaded:
    """Take a file: the body of a request with `?name=`, or the first file of a multipart form.

    It is written under a hidden name, flushed to disk and renamed into the watched folder, never
    over another file; an upload that is cut short leaves nothing.
    """
    entry = _folder(runtime.settings.pipeline.watch, folder)
    entry.path.mkdir(parents=True, exist_ok=True)
    unfinished = entry.path / f".upload-{secrets.token_hex(8)}"
    try:
        given = await _receive(request, unfinished, name)
        final = await run_in_threadpool(_place, unfinished, entry, given)
    finally:
        unfinished.unlink(missing_ok=True)
    job_id = await run_in_threadpool(submit_path, final)
    response.headers["Location"] = f"/jobs/{job_id}"
    return Uploaded(id=job_id, job=await run_in_threadpool(job_view, runtime, job_id))


def _folder(watched: tuple[WatchFolder, ...], wanted: str | None) -> WatchFolder:
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


async def _receive(request: Request, unfinished: Path, name: str | None) -> str:
    """Write the body to `unfinished`; returns the name its sender gave it."""
    kind, options = parse_options_header(request.headers.get("content-type", ""))
    chunks: AsyncIterator[bytes] = request.stream()
    if kind == b"multipart/form-data":
        form_name, chunks = await first_file(chunks, options.get(b"boundary", b""))
        name = name or form_name
    elif not name:
        raise ReelworksError("bad_request", "The file has no name.", "Add `?name=clip.mp4`.")
    try:
        written = await _write(chunks, unfinished)
    except ClientDisconnect as error:
        raise _cut_short() from error
    except OSError as error:
        raise _not_written(error) from error
    said = request.headers.get("content-length")
    if kind != b"multipart/form-data" and said is not None and written != int(said):
        raise _cut_short()
    return name or "upload"


async def _write(chunks: AsyncIterator[bytes], path: Path) -> int:
    written = 0
    with path.open("xb") as file:
        async for chunk in chunks:
            written += await run_in_threadpool(file.write, chunk)
        file.flush()
        await run_in_threadpool(os.fsync, file.fileno())
    return written


def _place(unfinished: Path, entry: WatchFolder, given: str) -> Path:
    """Give the whole file its name in the folder, and never another file's."""
    name = safe_name(given)
    if Path(name).suffix.lower() not in entry.extensions:
        raise ReelworksError(
            "refused_format",
            f"{name!r} is not named as a video or audio file.",
            f"Taken are: {', '.join(entry.extensions)}.",
        )
    stem, suffix = Path(name).stem, Path(name).suffix
    number = 1
    while True:
        target = entry.path / (name if number == 1 else f"{stem} ({number}){suffix}")
        try:
            target.hardlink_to(unfinished)
        except FileExistsError:
            number += 1
        except OSError:
            if target.exists():
                number += 1
                continue
            shutil.move(unfinished, target)  # a file system without links
            return target
        else:
            return target


def safe_name(given: str) -> str:
    """Make a file name of what a sender gave: no folders, no control characters, not hidden."""
    name = _UNSAFE.sub("_", re.split(r"[/\\]", given)[-1]).strip().lstrip(".")
    stem, suffix = Path(name or "upload").stem, Path(name).suffix[:20]
    room = LONGEST_NAME - len(suffix.encode())
    return stem.encode()[:room].decode("utf-8", "ignore") + suffix


def _cut_short() -> ReelworksError:
    return ReelworksError("upload_cut_short", "The upload was cut short.", "Send it again.")


def _not_written(error: OSError) -> ReelworksError:
    return ReelworksError(
        "no_space",
        f"The upload can't be written: {error.strerror}.",
        "Free some space where the watched folder is.",
    )
