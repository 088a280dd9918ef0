"""What was told of a job's ends: alerts to the channel, and events in its history."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from sqlalchemy import select

from pipeline.alerts.messages import VERBS
from pipeline.models import Event, JobState, OutboxRow

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy.orm import Session

    from pipeline.models import Job

#: The events that end a run of a job.
ENDS = frozenset(state.value for state in JobState if state.terminal)
#: Those with which another run begins.
BEGINNINGS = frozenset({"retried", "restarted"})
#: What may be done once a run to its source.
ONCE = ("source_moved", "source_deleted")


def alerts(
    received: Sequence[Mapping[str, str]], name: str, ends: Sequence[str], tries: int = 1
) -> list[str]:
    """See that each end of a run that a channel wants to hear of was told once, and as that.

    `ends` are those of all runs of the jobs of this name; nobody hears of what is cancelled. Where
    who tells may be killed after that and before it is recorded, as often as `tries` says.
    """
    due = Counter(f"{name} {VERBS[end]}" for end in ends if end != JobState.CANCELLED)
    told = Counter(one["title"] for one in received if one["title"].startswith(f"{name} "))
    return [
        f"it was told {told[title]} times, not {due[title]}: {title}"
        for title in sorted({*due, *told})
        if not due[title] <= told[title] <= due[title] * tries
    ]


def ends(session: Session, jobs: Sequence[Job]) -> list[str]:
    """Tell how each run of these jobs ended."""
    mine = Event.job_id.in_([job.id for job in jobs]) & Event.kind.in_(ENDS)
    return list(session.scalars(select(Event.kind).where(mine)))


def tries(session: Session, jobs: Sequence[Job]) -> int:
    """Tell how often it was begun, at most, to tell of the end of one of the jobs."""
    mine = OutboxRow.job_id.in_([job.id for job in jobs])
    begun = session.scalars(select(OutboxRow.attempts).where(mine)).all()
    return max(begun, default=1)


def events(session: Session, name: str, job: Job) -> list[str]:
    """See that the job's history has one end for its last run, and for each earlier one at most."""
    kinds = session.scalars(select(Event.kind).where(Event.job_id == job.id).order_by(Event.id))
    return [f"{name}: {problem}" for problem in wrong_ends(list(kinds), job.state.value)]


def wrong_ends(kinds: Sequence[str], state: str) -> list[str]:
    """Say what is wrong with the ends among a job's events, in their order."""
    runs: list[list[str]] = [[]]
    for kind in kinds:
        if kind in BEGINNINGS:
            runs.append([])
        runs[-1].append(kind)
    ends = [[kind for kind in run if kind in ENDS] for run in runs]
    found = [f"run {n} ended {len(run)} times: {run}" for n, run in enumerate(ends, 1) if run[1:]]
    if ends[-1] != [state] and not ends[-1][1:]:
        found.append(f"it is {state}, and its history ends with {ends[-1]}")
    found += [
        f"run {n} has {run.count(kind)} times {kind}"
        for n, run in enumerate(runs, 1)
        for kind in ONCE
        if run.count(kind) > 1
    ]
    return found
