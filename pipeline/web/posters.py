"""Posters: a job's picture, from its results or, while it is worked on, from the work folder."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.models import StepState
from pipeline.tasks.workspace import Workspace

if TYPE_CHECKING:
    from pathlib import Path

    from pipeline.app import Runtime
    from pipeline.history.cards import Card
    from pipeline.history.views import JobView

#: What the poster is asked for as, below `/files/{job}/`, whether or not there are results yet.
POSTER = "poster.jpg"


def poster_path(runtime: Runtime, job: JobView) -> str | None:
    """Say where below `/files/{job}/` the job's poster is; None when there is none (yet)."""
    if job.outputs is not None:
        return job.outputs.poster
    return POSTER if early_poster(runtime, job) is not None else None


def card_poster(runtime: Runtime, card: Card) -> str | None:
    """Say the same of a job in a list."""
    if card.has_results or not card.pictured:
        return card.poster
    return POSTER if _early(runtime, card.id) is not None else None


def early_poster(runtime: Runtime, job: JobView) -> Path | None:
    """Find the poster of a job without results: its step is done, and nobody cleared it away."""
    done = {step.name for step in job.steps if step.state == StepState.DONE}
    return _early(runtime, job.id) if "thumbnail" in done else None


def _early(runtime: Runtime, job_id: str) -> Path | None:
    paths = runtime.settings.pipeline.paths
    found = Workspace(paths.work, paths.library, job_id).result("thumbnail")
    return found if found.is_file() else None
