"""The pages: the library with its drop zone, and one job with its progress and its result."""

from pathlib import Path

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse
from fastapi.templating import Jinja2Templates

from pipeline.web.access import Ready, job_view, job_views

router = APIRouter(include_in_schema=False)
templates = Jinja2Templates(directory=Path(__file__).parent / "templates")


def size_words(count: float) -> str:
    """Write a number of bytes as people read it."""
    for unit in ("B", "KiB", "MiB"):
        if count < 1024:  # noqa: PLR2004
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1024
    return f"{count:.1f} GiB"


def time_words(seconds: float | None) -> str:
    """Write a duration as players do: 1:02:03."""
    if seconds is None:
        return ""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


templates.env.filters |= {"size": size_words, "clock": time_words}


@router.get("/")
def library(request: Request, runtime: Ready) -> HTMLResponse:
    """Show the newest jobs and take uploads."""
    watched = runtime.settings.pipeline.watch
    return templates.TemplateResponse(
        request,
        "library.html",
        {
            "jobs": job_views(runtime, limit=60),
            "inbox": str(watched[0].path) if watched else None,
            "extensions": ",".join(watched[0].extensions) if watched else "",
        },
    )


@router.get("/jobs/{job_id}")
def job_page(request: Request, runtime: Ready, job_id: str) -> HTMLResponse:
    """Show one job: its progress while it runs, its result when it is done."""
    return templates.TemplateResponse(request, "job.html", {"job": job_view(runtime, job_id)})
