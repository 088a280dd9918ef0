"""Cards say the same as the whole job does, from fewer columns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import update

from pipeline.history import cards, listing
from pipeline.history.database import now
from pipeline.history.which import Which
from pipeline.models import Job, JobState, Step, StepKind, StepState

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipeline.history.cards import Card
    from pipeline.history.database import Database
    from pipeline.history.views import JobView

RESULTS = {"output_directory": "/library/a", "outputs": {"poster": "poster.jpg"}}
CASES: tuple[tuple[JobState, dict[StepKind, Any], dict[str, Any]], ...] = (
    (JobState.QUEUED, {}, {}),
    (JobState.RUNNING, {StepKind.PROBE: StepState.DONE}, {}),
    (JobState.RUNNING, {StepKind.THUMBNAIL: StepState.RUNNING}, {"source_duration_s": 2.5}),
    (JobState.RUNNING, dict.fromkeys(StepKind, StepState.DONE), {}),
    (JobState.QUEUED, {StepKind.PROBE: StepState.DONE}, {"tag": "big-disk"}),
    (JobState.SUCCEEDED, dict.fromkeys(StepKind, StepState.DONE), RESULTS),
    (JobState.SUCCEEDED, dict.fromkeys(StepKind, StepState.DONE), {**RESULTS, "outputs": {}}),
    (JobState.FAILED, {}, {"error_code": "empty", "error_message": "It is empty.", **RESULTS}),
    (JobState.CANCELLED, {StepKind.PROBE: StepState.DONE}, {}),
)


def told_by(view: JobView) -> dict[str, Any]:
    done = {step.kind for step in view.steps if step.state == "done"}
    return {
        "id": view.id,
        "short_id": view.short_id,
        "state": view.shown_state,
        "ended": view.ended,
        "progress": view.progress,
        "profile": view.profile,
        "name": view.name,
        "bytes": view.source.bytes,
        "duration_s": view.source.duration,
        "created_at": view.created_at,
        "waits_until": view.waits_until,
        "waits_for": view.waits_for,
        "error": view.error.message if view.error else None,
        "has_results": view.outputs is not None,
        "poster": view.outputs.poster if view.outputs else None,
        "pictured": "thumbnail" in done,
    }


def told_by_card(card: Card, like: dict[str, Any]) -> dict[str, Any]:
    return {name: getattr(card, name) for name in like}


@pytest.fixture
def made(db: Database, new_job: Callable[..., Job]) -> list[str]:
    ids = []
    for number, (state, steps, facts) in enumerate(CASES):
        job = new_job(source_path=f"/in/{number} é.mp4")
        ids.append(job.id)
        with db.begin() as session:
            lacking = now(session) if "tag" in facts else None
            values = {"state": state, "lacking_since": lacking, **facts}
            session.execute(update(Job).where(Job.id == job.id).values(values))
            for kind, step in steps.items():
                of_kind = (Step.job_id == job.id) & (Step.kind == kind)
                session.execute(update(Step).where(of_kind).values(state=step, progress=0.5))
    return ids


def test_a_card_says_what_the_whole_job_says(db: Database, made: list[str]) -> None:
    with db.read() as session:
        wanted = [told_by(view) for view in listing.newest(session)]
        found = [told_by_card(card, wanted[0]) for card in cards.newest(session)]
    assert [one["id"] for one in found] == made[::-1]
    assert found == wanted


def test_a_job_that_waits_for_a_window_is_shown_as_waiting(db: Database, made: list[str]) -> None:
    with db.begin() as session:
        opens = now(session)
        session.execute(update(Job).where(Job.id == made[0]).values(waits_until=opens))
    with db.read() as session:
        *_, card = cards.newest(session, which=Which(state=JobState.QUEUED))
    assert (card.state, card.waits_until) == ("waiting", opens)


def test_no_more_cards_are_given_than_asked_for(db: Database, made: list[str]) -> None:
    with db.read() as session:
        few = cards.newest(session, limit=2)
    assert [card.id for card in few] == made[:-3:-1]
