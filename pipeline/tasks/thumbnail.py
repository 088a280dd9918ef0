"""Thumbnail: a poster from a frame that represents the source."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from pipeline.app import app
from pipeline.durability import flush_all
from pipeline.media.thumbnail import make_poster
from pipeline.models import StepKind
from pipeline.plan.space import poster_bytes
from pipeline.tasks.giving_way import give_way
from pipeline.tasks.room import Room
from pipeline.tasks.step import EXPECTED, Work, perform, tools

if TYPE_CHECKING:
    from celery import Task


@app.task(bind=True, name="pipeline.thumbnail", throws=EXPECTED, ignore_result=True)
def thumbnail(self: Task[..., str], job_id: str) -> str:
    """Make the job's poster."""
    give_way(self, job_id, StepKind.THUMBNAIL)
    return perform(self, job_id, ("thumbnail",), _thumbnail, _room)


def _room(work: Work) -> Room:
    return Room(work.workspace.folder, poster_bytes(work.planned))


def _thumbnail(work: Work) -> None:
    attempt = work.claim.attempts["thumbnail"]
    work.check_source()
    scratch = work.workspace.scratch("thumbnail", attempt)
    make_poster(
        tools(),
        work.planned.source,
        scratch,
        rule=work.planned.profile.poster,
        span=(work.planned.start_s, work.planned.end_s),
        timeout_s=work.timeout_s,
        on_tick=work.tick,
    )
    work.check_source_kept()
    work.meanwhile(partial(flush_all, [scratch]))
    work.publish(lambda *_: work.workspace.publish("thumbnail", attempt))
