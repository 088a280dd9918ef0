"""`/files/{job}/{path}`: the results of a job, and nothing else of this machine."""

from pathlib import Path

from fastapi import APIRouter, Request, Response
from fastapi.responses import FileResponse
from starlette.staticfiles import NotModifiedResponse

from pipeline.errors import ReelworksError
from pipeline.web.access import Ready, job_view
from pipeline.web.posters import POSTER, early_poster

router = APIRouter(tags=["files"])

#: Suffix → media type, as players expect them (RFC 8216, ISO/IEC 23009-1, RFC 4337). What has
#: another suffix is no result, so nothing is ever served as a page or a script.
TYPES = {
    ".m3u8": "application/vnd.apple.mpegurl",
    ".mpd": "application/dash+xml",
    ".m4s": "video/mp4",
    ".mp4": "video/mp4",
    ".m4a": "audio/mp4",
    ".vtt": "text/vtt",
    ".jpg": "image/jpeg",
    ".webp": "image/webp",
    ".json": "application/json",
}
#: Browsers may keep what they got, and ask whether it is still that: a job that is run again puts
#: other files of the same names in its folder, and segments of two runs don't play together.
ASK = {"Cache-Control": "private, no-cache"}


@router.head("/files/{job_id}/{path:path}", include_in_schema=False)
@router.get("/files/{job_id}/{path:path}", response_class=FileResponse)
def job_file(request: Request, runtime: Ready, job_id: str, path: str) -> Response:
    """Send one file of a job's output folder; ranges are understood, and what is known already.

    Of a job without results there is `poster.jpg`, as soon as it was made.
    """
    view = job_view(runtime, job_id)
    early = early_poster(runtime, view) if view.outputs is None and path == POSTER else None
    if early is not None:
        return _sent(request, early)
    if view.outputs is None:
        raise ReelworksError(
            "no_such_file",
            f"Job {view.short_id} has no results: it is {view.state}.",
            "They appear when it has succeeded.",
        )
    found = result_in(Path(view.outputs.directory), path)
    if found is None:
        raise ReelworksError(
            "no_such_file",
            f"Job {view.short_id} has no result {path!r}.",
            f"`/api/v1/jobs/{view.short_id}` lists its results under `outputs`.",
        )
    return _sent(request, found)


def _sent(request: Request, file: Path) -> Response:
    """Send the file, or say that the reader has it: 304 (RFC 9110, 13.1.2)."""
    kind = TYPES[file.suffix]
    answer = FileResponse(file, media_type=kind, headers=ASK, stat_result=file.stat())
    known = [tag.strip() for tag in request.headers.get("if-none-match", "").split(",")]
    return NotModifiedResponse(answer.headers) if answer.headers["etag"] in known else answer


def result_in(folder: Path, path: str) -> Path | None:
    """Find the result at `path` really inside the folder: not above it, nor through a link."""
    try:
        folder = folder.resolve()
        found = (folder / path).resolve()
        inside = found.is_relative_to(folder) and found.suffix in TYPES and found.is_file()
    except (OSError, ValueError, RuntimeError):
        # A name that is too long, a null character, a loop of links (RuntimeError before 3.13).
        return None
    return found if inside else None
