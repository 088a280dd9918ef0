"""Cards: jobs as lists show them, newest first, from the few columns that a list needs.

A page of fifty jobs with all their steps and renditions as objects costs ten times as much.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import case, select

from pipeline.history.remaining import progress
from pipeline.history.views import SHORT_ID, shown_state
from pipeline.history.which import ALL, Which
from pipeline.models import Job, JobState, Step, StepKind, StepState

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    from sqlalchemy import Row, Select
    from sqlalchemy.orm import Session

_HAS_RESULTS = Job.output_directory.is_not(None) & (
    (Job.state == JobState.SUCCEEDED) | Job.outputs_removed_at.is_(None)
)
#: What a list shows of a job's row, by a card's words. Of its results it is only the poster.
_COLUMNS = (
    Job.id,
    Job.state,
    Job.profile,
    Job.file_name.label("name"),
    Job.source_bytes.label("bytes"),
    Job.source_duration_s.label("duration_s"),
    Job.created_at,
    Job.waits_until,
    case((Job.lacking_since.is_not(None), Job.tag)).label("waits_for"),
    case((Job.error_code.is_not(None), Job.error_message)).label("error"),
    _HAS_RESULTS.label("has_results"),
    case((_HAS_RESULTS, Job.outputs["poster"].as_string())).label("poster"),
)


class _StepRow(NamedTuple):
    job_id: str
    kind: StepKind
    position: int
    state: StepState
    progress: float


@dataclass(frozen=True, slots=True)
class Card:
    """A job in a list. `state` is the word for people: `waiting` while no step of it runs.

    `job_state` is what programs are told, and what lists are asked by.

    `name` is the source's file name, `error` the message of a job that ended badly. `poster` is
    relative to the output folder, None without results; `pictured` says that the poster's step is
    done, whether or not there are results yet. `bytes` are the source's, `duration_s` seconds.
    """

    id: str
    state: str
    job_state: str
    ended: bool
    progress: float
    profile: str
    name: str
    bytes: int
    duration_s: float | None
    created_at: datetime
    waits_until: datetime | None
    waits_for: str | None
    error: str | None
    has_results: bool
    poster: str | None
    pictured: bool

    @property
    def short_id(self) -> str:
        """The part of the id that names the output folder."""
        return self.id[:SHORT_ID]


def newest(session: Session, *, limit: int = 50, which: Which = ALL) -> list[Card]:
    """List jobs, newest first."""
    rows = session.execute(_wanted(session, which, limit)).all()
    # What succeeded has done all its steps.
    unfinished = [row.id for row in rows if row.state is not JobState.SUCCEEDED]
    steps = _steps(session, unfinished)
    return [_card(row, steps.get(row.id, [])) for row in rows]


def _wanted(session: Session, which: Which, limit: int) -> Select[*tuple[Any, ...]]:
    # The rows are large: they are looked up once it is known which ones are wanted.
    wanted = which.newest(session, Job.seq).limit(limit).subquery()
    return (
        select(*_COLUMNS).join_from(wanted, Job, Job.seq == wanted.c.seq).order_by(Job.seq.desc())
    )


def _steps(session: Session, job_ids: Collection[str]) -> dict[str, list[_StepRow]]:
    found: dict[str, list[_StepRow]] = {}
    if not job_ids:
        return found
    query = select(Step.job_id, Step.kind, Step.position, Step.state, Step.progress)
    for row in session.execute(query.where(Step.job_id.in_(job_ids))):
        step = _StepRow(*row)
        found.setdefault(step.job_id, []).append(step)
    return found


def _card(row: Row[*tuple[Any, ...]], steps: list[_StepRow]) -> Card:
    shown: dict[str, Any] = dict(row._mapping)
    stored = shown.pop("state")
    waits = row.waits_until is not None
    return Card(
        **shown,
        state=shown_state(stored, waits=waits, steps=[step.state for step in steps]),
        job_state=stored.value,
        ended=stored.terminal,
        progress=progress(stored, steps),
        pictured=stored is JobState.SUCCEEDED or _is_pictured(steps),
    )


def _is_pictured(steps: list[_StepRow]) -> bool:
    return any(step.kind is StepKind.THUMBNAIL and step.state is StepState.DONE for step in steps)
