"""`/files/{job}/{path}`: the results of a job, and nothing else of this machine."""

from pathlib import Path

from fastapi import APIRouter
from fastapi.responses import FileResponse

from pipeline.errors import ReelworksError
from pipeline.web.access import Ready, job_view

router = APIRouter(tags=["files"])

#: Suffix → media type, as players expect them (RFC 8216, ISO/IEC 23009-1, RFC 4337).
TYPES = {
    ".m3u8": "application/vnd.apple.mpegurl",
    ".mpd": "application/dash+xml",
    ".m4s": "video/iso.segment",
    ".mp4": "video/mp4",
    ".m4a": "audio/mp4",
    ".vtt": "text/vtt",
    ".jpg": "image/jpeg",
    ".webp": "image/webp",
    ".json": "application/json",
}


@router.get("/files/{job_id}/{path:path}")
def job_file(runtime: Ready, job_id: str, path: str) -> FileResponse:
    """Send one file of a job's output folder; ranges are understood."""
    view = job_view(runtime, job_id)
    if view.outputs is None:
        raise ReelworksError("no_such_file", f"Job {view.short_id} has no results.")
    folder = Path(view.outputs.directory).resolve()
    wanted = (folder / path).resolve()
    kind = TYPES.get(wanted.suffix)
    if not wanted.is_relative_to(folder) or not wanted.is_file() or kind is None:
        raise ReelworksError("no_such_file", f"Job {view.short_id} has no result {path!r}.")
    return FileResponse(wanted, media_type=kind)
