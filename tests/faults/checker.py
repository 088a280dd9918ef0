"""The one checker: after every fault the same is asked of what Reelworks made of a batch."""

from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import func, select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import selectinload

from pipeline.history.errors import DatabaseUnreachable
from pipeline.models import Attempt, Job, JobState, OutboxRow, Step
from tests.faults import custody, leftovers, told
from tests.faults.batch import RULES
from tests.faults.outputs import wrong_outputs
from tests.faults.site import FORGOTTEN

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.orm import Session

    from tests.faults.batch import Batch, Dropped
    from tests.faults.site import Site

#: How long a batch may take to end, alerts and moved sources included, after its fault is over:
#: lapsed leases and lost messages are noticed within a minute, a few times after each other.
PATIENCE_S = 420.0
LOOK_S = 0.5
#: How long after the last batch what comes too late, or twice, is waited for, seconds: what repairs
#: comes each half minute.
LATER_S = 40.0
#: How long a run by the clock that was lost may wait for the next one, seconds.
UNENDED_S = 60.0


def wait_until_ended(site: Site, batch: Batch) -> list[str]:
    """Wait until every file's jobs have ended and nothing is owed; says what never came."""
    until = time.monotonic() + PATIENCE_S
    missing = ["nothing was looked at"]
    while missing and time.monotonic() < until:
        time.sleep(LOOK_S)
        unheard = suppress(DatabaseUnreachable, DBAPIError)
        with site.database() as database, unheard, database.read() as session:
            missing = _missing(session, batch)
    return missing


def _missing(session: Session, batch: Batch) -> list[str]:
    found = []
    for file in batch.files:
        mine = _jobs_of(session, file)
        if len(mine) < file.jobs:
            found.append(f"{file.name}: {len(mine)} jobs, {file.jobs} expected")
        copy = file.path if file.jobs == 0 else file.renamed
        if copy is not None and copy.exists() and RULES[file.folder][0] != "keep":
            found.append(f"{file.name}: a copy is still to be settled")
        for job in mine:
            if not job.state.terminal:
                found.append(f"{file.name}: still {job.state.value} ({_where(job)})")
            elif job.settled_at is None:
                found.append(f"{file.name}: its source is still to be settled")
    owed = session.scalar(
        select(func.count()).select_from(OutboxRow).where(OutboxRow.closed_at.is_(None))
    )
    return [*found, *([f"{owed} alerts are owed"] if owed else [])]


def _where(job: Job) -> str:
    return ", ".join(f"{step.name} {step.state.value}" for step in job.steps)


def _jobs_of(session: Session, file: Dropped) -> list[Job]:
    name = f"%/{file.folder}/{file.name}"
    query = select(Job).where(Job.original_path.like(name)).options(selectinload(Job.renditions))
    return list(session.scalars(query))


def check(site: Site, batch: Batch) -> list[str]:
    """Say everything that is wrong with what became of the batch; call it when it has ended."""
    with site.database() as database, database.read() as session:
        found = [*leftovers.leases(session), *leftovers.locks(session)]
        jobs: list[Job] = []
        for file in batch.files:
            mine = _jobs_of(session, file)
            jobs += mine
            found += _number(file, mine)
            found += [problem for job in mine for problem in _job(file, job)]
            found += custody.misplaced(site.media, file, mine)
            found += _told(site, session, batch, file)
        batch.ended = {job.id: _end(job) for job in jobs}
        strangers = session.scalars(select(Job.original_path).where(Job.id.not_in(batch.ended)))
        ours = [path for path in strangers if f"/round{batch.number}-" in path]
        found += [f"{path} has a job that nobody dropped" for path in ours]
        # Those of earlier rounds too: what failed keeps its work for a retry.
        failed = set(session.scalars(select(Job.id).where(Job.state == JobState.FAILED)))
    found += _folders(site, jobs) + leftovers.tools(site) + leftovers.files(site.media, failed)
    return found + leftovers.messages(site.broker)


def check_again(site: Site, batches: Sequence[Batch]) -> list[str]:
    """Say what has changed since each of the batches was checked: all of them had ended well.

    Waits until a second alert, job or end had come, were there one.
    """
    time.sleep(LATER_S)
    with site.database() as database, database.read() as session:
        found = [*leftovers.leases(session), *leftovers.locks(session)]
        for batch, file in ((one, file) for one in batches for file in one.files):
            found += _number(file, _jobs_of(session, file)) + _told(site, session, batch, file)
        before = {job_id: end for one in batches for job_id, end in one.ended.items()}
        for job in session.scalars(select(Job)):
            end = before.get(job.id)
            if end is None:
                found.append(f"{job.original_path} has a job that nobody dropped")
            elif end != _end(job):
                found.append(f"the job of {job.original_path} was {end}, and is {_end(job)} now")
    return found + _came_back(site) + _unended_runs(site) + leftovers.messages(site.broker)


def _end(job: Job) -> str:
    return f"{job.state.value} in run {job.run}"


def _told(site: Site, session: Session, batch: Batch, file: Dropped) -> list[str]:
    mine = _jobs_of(session, file)
    tries = told.tries(session, mine) if batch.told_again else 1
    found = told.alerts(site.alerts.received, file.name, told.ends(session, mine), tries)
    return found + [problem for job in mine for problem in told.events(session, file.name, job)]


def _came_back(site: Site) -> list[str]:
    """Name results and sources of earlier batches that are there again: they were removed."""
    paths = (path for name in FORGOTTEN for path in (site.media / name).glob("round*"))
    return [f"{path} came back" for path in sorted(paths)]


def _unended_runs(site: Site) -> list[str]:
    """Name runs by the clock that stay without an end: of one that was lost the next comes soon."""
    until = time.monotonic() + UNENDED_S
    while True:
        with site.database() as database, database.read() as session:
            found = leftovers.unended_runs(session)
        if not found or time.monotonic() > until:
            return found
        time.sleep(LOOK_S)


def lost_tries(site: Site, batch: Batch) -> list[str]:
    """Name the steps of the batch that lost a try with whoever had it, or needed a second one."""
    with site.database() as database, database.read() as session:
        found = []
        for file in batch.files:
            ids = [job.id for job in _jobs_of(session, file)]
            cost = (Attempt.outcome == "lost") | (Step.tries > 1)
            query = select(Step.name).outerjoin(Attempt).where(Step.job_id.in_(ids), cost)
            names = session.scalars(query.distinct())
            found += [f"{file.name}: {name} lost a try" for name in names]
        return found


def _number(file: Dropped, mine: list[Job]) -> list[str]:
    if len(mine) == file.jobs:
        return []
    return [f"{file.name} has {len(mine)} jobs, not {file.jobs}"]


def _job(file: Dropped, job: Job) -> list[str]:
    found = []
    state = job.state.value
    if state not in file.states:
        found.append(f"{file.name} {state}: {job.error_code}: {job.error_message}")
    if state == "failed" and file.codes and job.error_code not in file.codes:
        found.append(f"{file.name} failed with {job.error_code}, not {sorted(file.codes)}")
    if state == "failed" and not (job.error_message and job.error_code):
        found.append(f"{file.name} failed and says not why")
    if job.state is JobState.SUCCEEDED:
        found += [f"{file.name}: {problem}" for problem in wrong_outputs(job)]
    return found


def _folders(site: Site, jobs: list[Job]) -> list[str]:
    """See that the library holds the folder of each success once, and none of a failure.

    What a job made that succeeded once stays, however it ends when it is run again.
    """
    made = (job for job in jobs if job.output_directory or job.state is JobState.SUCCEEDED)
    wanted = sorted(job.output_directory or "" for job in made)
    stems = tuple({Path(job.original_path).stem for job in jobs})
    found = sorted(
        str(path) for path in (site.media / "library").glob("*") if path.name.startswith(stems)
    )
    return [] if found == wanted else [f"the library holds {found}, not {wanted}"]
