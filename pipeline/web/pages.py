"""The pages: the library with its drop zone, one job with its result, and what the clock does."""

from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse

from pipeline.history import cards, events, jobs, listing
from pipeline.history.telling import story
from pipeline.history.views import job_view
from pipeline.settings.errors import ConfigurationError
from pipeline.settings.load import Settings, load_settings
from pipeline.web.access import Ready, Wanted
from pipeline.web.posters import card_poster, poster_path
from pipeline.web.templating import templates
from pipeline.web.troubles import troubles

router = APIRouter(include_in_schema=False)

#: How many jobs a page of the library shows at first, and by how many it grows.
SHOWN = 48
MOST_SHOWN = 480


@router.api_route("/", methods=["GET", "HEAD"])
def library(
    request: Request,
    runtime: Ready,
    which: Wanted,
    limit: Annotated[int, Query(ge=1, le=MOST_SHOWN)] = SHOWN,
) -> HTMLResponse:
    """Show the newest jobs, those asked for, and take uploads."""
    with runtime.db.read() as session:
        counts = listing.count(session, which)
        found = cards.newest(session, limit=limit + 1, which=which)
        profiles = listing.profiles(session)
    shown, beyond = found[:limit], len(found) > limit
    watched = runtime.settings.pipeline.watch
    facts = {
        "jobs": shown,
        "before": request.query_params.get("before", ""),
        "posters": {card.id: card_poster(runtime, card) for card in shown},
        "counts": counts,
        "which": which,
        "profiles": profiles,
        "more": limit + SHOWN if beyond and limit + SHOWN <= MOST_SHOWN else None,
        "older": shown[-1].id if beyond and limit + SHOWN > MOST_SHOWN else None,
        "folder": watched[0] if watched else None,
        "makes": list(runtime.settings.profiles),
    }
    return templates.TemplateResponse(request, "library.html", facts)


@router.api_route("/jobs/{job_id}", methods=["GET", "HEAD"])
def job_page(request: Request, runtime: Ready, job_id: str) -> HTMLResponse:
    """Show one job: its progress while it runs, its result when it is done."""
    with runtime.db.read() as session:
        row = jobs.find(session, job_id)
        job = job_view(row)
        said = troubles(session, row)
        log = story(events.since(session, job.id))
    facts = {"job": job, "log": log, "troubles": said, "poster": poster_path(runtime, job)}
    return templates.TemplateResponse(request, "job.html", facts)


@router.api_route("/schedules", methods=["GET", "HEAD"])
def schedules_page(request: Request, runtime: Ready) -> HTMLResponse:
    """Show what happens by the clock, when it last did, and what schedules.yml says otherwise."""
    # It brings Django, which no other page needs.
    from pipeline import scheduler

    scheduler.migrate(runtime.settings)
    settings, mistake = _as_written(runtime.settings)
    rows = scheduler.rows(settings)
    waiting = [row.name for row in rows if not row.synchronised and mistake is None]
    facts = {"rows": rows, "waiting": waiting, "mistake": mistake}
    return templates.TemplateResponse(request, "schedules.html", facts)


def _as_written(settings: Settings) -> tuple[Settings, ConfigurationError | None]:
    """Give the settings with the schedules as they are written now: `schedules sync` takes those.

    Where the files can't be read, there are none to compare with, and the mistake says why.
    """
    try:
        written = load_settings(settings.config_dir)
    except ConfigurationError as error:
        return replace(settings, schedules={}), error
    return replace(settings, schedules=written.schedules), None
