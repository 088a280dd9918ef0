"""Listing: a page of jobs, how many there are of each kind, and the profiles they were made with.

Whatever is asked here reads a bounded number of rows, so that a history of a million jobs answers
as fast as one of a hundred.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import func, select, text
from sqlalchemy.orm import defer, selectinload

from pipeline.history.jobs import find_seq
from pipeline.history.views import JobView, job_view
from pipeline.history.which import ALL, Which
from pipeline.models import Job, JobState

if TYPE_CHECKING:
    from sqlalchemy import ScalarSelect
    from sqlalchemy.orm import Session

#: Jobs are counted up to here; beyond it people are told "2,000+". Each further
#: thousand in each state costs a page a millisecond.
COUNTED = 2_000
#: Those of a name or profile are counted less far, as each of them is looked at.
COUNTED_OF_A_KIND = 500
#: The profiles of jobs without reading every job: each is looked up from the one before it.
_PROFILES = text(
    "WITH RECURSIVE one(name) AS (SELECT min(profile) FROM jobs UNION ALL "
    "SELECT (SELECT min(profile) FROM jobs WHERE profile > name) FROM one WHERE name IS NOT NULL) "
    "SELECT name FROM one WHERE name IS NOT NULL"
)


@dataclass(frozen=True)
class Counts:
    """How many jobs are in each state; those in `beyond` are at least so many."""

    by_state: dict[str, int]
    beyond: frozenset[str] = frozenset()

    def shown(self, state: str | None = None) -> str:
        """Write the count of one state, or of all, for people: `12`, `2,000+`."""
        count = sum(self.by_state.values()) if state is None else self.by_state[state]
        more = bool(self.beyond) if state is None else state in self.beyond
        return f"{count:,}{'+' if more else ''}"


def newest(session: Session, *, limit: int = 50, which: Which = ALL) -> list[JobView]:
    """List jobs with all that is promised of them, newest first; `cards.newest` costs less."""
    # The plan is the largest part of a row, and nothing that is shown.
    wanted = which.newest(session, Job.seq).limit(limit).subquery()
    query = (
        select(Job)
        .join(wanted, Job.seq == wanted.c.seq)
        .order_by(Job.seq.desc())
        .options(selectinload(Job.steps), selectinload(Job.renditions), defer(Job.plan))
    )
    return [job_view(job) for job in session.scalars(query)]


def before(session: Session, job_id: str, which: Which = ALL) -> Which:
    """Ask for those made before a job, given by the beginning of its id. Raises `JobNotFound`."""
    return Which(which.name, which.profile, which.state, find_seq(session, job_id))


def count(session: Session, which: Which = ALL) -> Counts:
    """Count the jobs of a name and profile in each state, as far as that is quick."""
    if which.name is None and which.profile is None:
        return _count_all(session)
    asked = Which(which.name, which.profile)
    most = COUNTED_OF_A_KIND
    some = asked.newest(session, Job.state.label("state")).limit(most + 1).subquery()
    rows = session.execute(select(some.c.state, func.count()).group_by(some.c.state)).all()
    found = {JobState(state).value: count for state, count in rows}
    beyond = sum(found.values()) > most
    by_state = {state.value: found.get(state.value, 0) for state in JobState}
    return Counts(by_state, frozenset(found) if beyond else frozenset())


def _count_all(session: Session) -> Counts:
    counted = (_up_to(state, COUNTED + 1).label(state.value) for state in JobState)
    by_state: dict[str, int] = session.execute(select(*counted)).one()._asdict()
    beyond = frozenset(state for state, count in by_state.items() if count > COUNTED)
    return Counts({state: min(count, COUNTED) for state, count in by_state.items()}, beyond)


def _up_to(state: JobState, most: int) -> ScalarSelect[int]:
    some = select(Job.seq).where(Job.state == state).limit(most).subquery()
    return select(func.count()).select_from(some).scalar_subquery()


def count_exactly(session: Session) -> dict[str, int]:
    """Count all jobs in each state: for figures, as this reads an index of the whole history."""
    counts = dict.fromkeys((state.value for state in JobState), 0)
    for state, count in session.execute(select(Job.state, func.count()).group_by(Job.state)):
        counts[JobState(state).value] = count
    return counts


def profiles(session: Session) -> list[str]:
    """List the profiles that jobs were made with, in order of name."""
    return list(session.scalars(_PROFILES))
