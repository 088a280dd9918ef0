"""Overview: what of the system runs now, where its pages are, and what it is doing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.app import answering, broker_problem, broker_refusal
from pipeline.history import holding, lacking, listing, outbox
from pipeline.history.which import Which
from pipeline.models import JobState
from pipeline.settings import addresses
from pipeline.stack import valkey
from pipeline.stack.presence import HEALTH, SILENT, address, page_answers, runs_here
from pipeline.tasks.draining import drained

if TYPE_CHECKING:
    from pipeline.history.database import Database
    from pipeline.settings.load import Settings

#: How long answers are waited for, seconds.
ANSWER_S = 2


@dataclass(frozen=True)
class Doing:
    """A step that runs now; `progress` is 0 to 1."""

    job: str
    name: str
    step: str
    progress: float
    worker: str | None


@dataclass(frozen=True)
class Overview:
    """What runs: `parts` maps watch, beat, web and flower; `workers` are names of nodes.

    Those in `drained` take nothing more.
    """

    running: bool
    broker: bool
    workers: list[str]
    drained: list[str]
    parts: dict[str, bool]
    addresses: dict[str, str]
    jobs: dict[str, int]
    doing: list[Doing]
    alerts_owed: int
    #: How many jobs wait for the hours of heavy work, and when the first of them goes on (UTC).
    held: int
    held_until: str | None
    #: How many jobs wait for a worker with a tag that none has, by that tag.
    lacking: dict[str, int]
    #: How many bytes the embedded database lacks, or why the broker takes nothing, in a sentence;
    #: None when there is room.
    full: str | None


def overview(settings: Settings, database: Database) -> Overview:
    """Ask everything once; takes some seconds at most. Raises `DatabaseUnreachable`."""
    broker = _broker_answers(settings)
    workers = sorted(answering(None, ANSWER_S)) if broker else []
    resting = drained(workers) if workers else []
    # Where the broker takes nothing, nobody can be asked.
    refused = broker_refusal() if not workers else None
    full = database.lacks_room() or refused
    pages = {name: getattr(settings.pipeline, name).listen for name in HEALTH}
    parts = {name: runs_here(settings, name) for name in SILENT}
    parts |= {name: page_answers(listen, HEALTH[name]) for name, listen in pages.items()}
    with database.read() as session:
        held, until = holding.held(session)
        views = listing.newest(session, limit=100, which=Which(state=JobState.RUNNING))
        doing = [
            Doing(view.short_id, view.name, step.name, step.progress, step.worker)
            for view in views
            for step in view.steps
            if step.state == "running"
        ]
        return Overview(
            running=bool(workers),
            broker=broker,
            workers=workers,
            drained=resting,
            parts=parts,
            addresses={name: address(listen) for name, listen in pages.items()},
            jobs=listing.count_exactly(session),
            # What workers left as they were killed still stands as running in the table.
            doing=doing if workers else [],
            alerts_owed=outbox.pending(session),
            held=held,
            lacking=lacking.by_tag(session),
            full=None if full is None else full.message,
            held_until=until.isoformat().replace("+00:00", "Z") if until else None,
        )


def _broker_answers(settings: Settings) -> bool:
    if addresses.broker_is_embedded(settings):
        return valkey.answers(settings)
    return broker_problem(ANSWER_S)[1] is None
