"""The one checker: after every fault the same is asked of what Reelworks made of a batch."""

from __future__ import annotations

import json
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

import m3u8
from defusedxml import ElementTree
from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import selectinload

from pipeline.history.database import now
from pipeline.history.errors import DatabaseUnreachable
from pipeline.models import Attempt, Job, JobState, OutboxRow, Step, StepState
from tests.faults.batch import RULES, Dropped
from tests.media import streams

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from tests.faults.batch import Batch
    from tests.faults.site import Site

#: How long a batch may take to end, alerts and moved sources included, after its fault is over:
#: lapsed leases and lost messages are noticed within a minute, a few times after each other.
PATIENCE_S = 420.0
LOOK_S = 0.5


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
        found = [*_leases(session), *_locks(session)]
        jobs: list[Job] = []
        for file in batch.files:
            mine = _jobs_of(session, file)
            jobs += mine
            found += _one_job(file, mine)
            found += [problem for job in mine for problem in _job(site, file, job)]
            found += _alerts(site, file, mine)
        known = {job.id for job in jobs}
        strangers = session.scalars(select(Job.original_path).where(Job.id.not_in(known)))
        ours = [path for path in strangers if f"/round{batch.number}-" in path]
        found += [f"{path} has a job that nobody dropped" for path in ours]
        # Those of earlier rounds too: what failed keeps its work for a retry.
        failed = set(session.scalars(select(Job.id).where(Job.state == JobState.FAILED)))
    return found + _folders(site, jobs) + _left_behind(site, failed)


def _one_job(file: Dropped, mine: list[Job]) -> list[str]:
    if len(mine) == file.jobs:
        return []
    return [f"{file.name} has {len(mine)} jobs, not {file.jobs}"]


def _job(site: Site, file: Dropped, job: Job) -> list[str]:
    found = []
    state = job.state.value
    if state not in file.states:
        found.append(f"{file.name} {state}: {job.error_code}: {job.error_message}")
    if state == "failed" and file.codes and job.error_code not in file.codes:
        found.append(f"{file.name} failed with {job.error_code}, not {sorted(file.codes)}")
    if state == "failed" and not (job.error_message and job.error_code):
        found.append(f"{file.name} failed and says not why")
    if job.state is JobState.SUCCEEDED:
        found += [f"{file.name}: {problem}" for problem in _outputs(job)]
    return found + _source(site, file, job)


def _alerts(site: Site, file: Dropped, mine: list[Job]) -> list[str]:
    """See that each end that a channel wants to hear of was told once: not of what is cancelled."""
    due = [job for job in mine if job.state is not JobState.CANCELLED]
    told = [one["title"] for one in site.alerts.received if file.name in one["title"]]
    return [] if len(told) == len(due) else [f"{file.name} was told {len(told)} times: {told}"]


def _source(site: Site, file: Dropped, job: Job) -> list[str]:
    """See that the source is where the folder's entry says, and in one place only."""
    rule = RULES[file.folder][0 if job.state is JobState.SUCCEEDED else 1]
    found = [
        path.parent.name
        for name in ("inbox", "slow", "kept", "deleted", "archive", "quarantine")
        for path in (site.media / name).glob(f"{Path(file.name).stem}*")
        if not path.name.endswith(".reason.txt")
    ]
    wanted = [] if rule == "delete" else [file.folder if rule == "keep" else rule]
    if file.taken_away:
        wanted = [one for one in found if one in ("archive", "quarantine", file.folder)]
    if file.jobs == 1 and found != wanted:
        return [f"the source of {file.name} is in {found}, not in {wanted}"]
    reason = site.media / "quarantine" / f"{file.name}.reason.txt"
    if found == ["quarantine"] and file.jobs == 1 and not reason.is_file():
        return [f"no reason lies beside the quarantined {file.name}"]
    return []


def _outputs(job: Job) -> list[str]:
    """Read back all that a job says it made."""
    folder = Path(job.output_directory or "/nowhere")
    if not folder.is_dir():
        return [f"its output folder {folder} is not there"]
    try:
        written = json.loads((folder / "job.json").read_text())
    except (OSError, ValueError) as problem:
        return [f"job.json can't be read: {problem}"]
    found = [] if written["state"] == "succeeded" else [f"job.json says {written['state']}"]
    for rendition in job.renditions:
        path = folder / rendition.path
        if not path.is_file() or path.stat().st_size != rendition.bytes:
            found.append(f"{rendition.path} is not {rendition.bytes} bytes long")
            continue
        video = [one for one in streams(path) if one["codec_type"] == "video"]
        if video and int(video[0]["nb_read_packets"]) != rendition.frames:
            found.append(f"{rendition.path} has not {rendition.frames} frames")
    return found + _hls(folder) + _dash(folder)


def _hls(folder: Path) -> list[str]:
    master = folder / "stream" / "master.m3u8"
    if not master.is_file():
        return ["there is no master.m3u8"]
    lists = m3u8.load(str(master))
    named = [one.uri for one in lists.playlists] + [one.uri for one in lists.media if one.uri]
    found = []
    for uri in named:
        path = master.parent / unquote(str(uri))
        if not path.is_file():
            found.append(f"{uri} is not there")
            continue
        playlist = m3u8.load(str(path))
        parts = [segment.uri for segment in playlist.segments]
        parts += [one.uri for one in playlist.segment_map if one is not None]
        found += [
            f"{part} of {uri} is not there"
            for part in parts
            if not (path.parent / unquote(str(part))).is_file()
        ]
    return found


def _dash(folder: Path) -> list[str]:
    manifest = folder / "stream" / "manifest.mpd"
    try:
        root = ElementTree.parse(manifest).getroot()
    except (OSError, ElementTree.ParseError) as problem:
        return [f"manifest.mpd can't be read: {problem}"]
    sets = root.findall(".//{*}Representation") if root is not None else []
    return [] if sets else ["manifest.mpd has no representation"]


def _leases(session: Session) -> list[str]:
    at = now(session)
    queries = {
        "steps are running": select(Step).where(Step.state == StepState.RUNNING),
        "steps have a lease": select(Step).where(Step.lease_until.is_not(None)),
        "attempts have no end": select(Attempt).where(Attempt.finished_at.is_(None)),
        "sources are held": select(Job).where(Job.settle_until > at),
        "alerts are held": select(OutboxRow).where(OutboxRow.lease_until > at),
    }
    counts = {
        what: len(session.scalars(query.limit(1000)).all()) for what, query in queries.items()
    }
    return [f"{count} {what}" for what, count in counts.items() if count]


def _locks(session: Session) -> list[str]:
    """See that no session sits on a lock: beat's own is the one that is rightly held."""
    if session.get_bind().dialect.name == "sqlite":
        return []
    idle = text(
        "SELECT count(*) FROM pg_stat_activity WHERE state = 'idle in transaction'"
        " AND now() - state_change > interval '30 seconds'"
    )
    asleep = session.execute(idle).scalar_one()
    advisory = session.execute(
        text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted")
    ).scalar_one()
    found = [f"{asleep} sessions are idle in a transaction"] if asleep else []
    return found + ([f"{advisory} advisory locks are held"] if advisory > 1 else [])


def _folders(site: Site, jobs: list[Job]) -> list[str]:
    """See that the library holds the folder of each success once, and none of a failure."""
    wanted = sorted(job.output_directory or "" for job in jobs if job.state is JobState.SUCCEEDED)
    stems = tuple({Path(job.original_path).stem for job in jobs})
    found = sorted(
        str(path) for path in (site.media / "library").glob("*") if path.name.startswith(stems)
    )
    return [] if found == wanted else [f"the library holds {found}, not {wanted}"]


def _left_behind(site: Site, failed: set[str]) -> list[str]:
    """See that no tool runs and no unfinished file lies anywhere; what failed keeps its results."""
    media = site.media
    found = [f"process {pid}, a tool, still runs" for pid in site.tools()]
    found += [f"{path} is left" for path in media.rglob("*.tmp*")]
    found += [f"{path} is left" for path in (media / "library" / ".staging").glob("*")]
    kept = {path.name: path for path in (media / "work").iterdir()}
    return found + [f"{path} is left" for name, path in kept.items() if name not in failed]
