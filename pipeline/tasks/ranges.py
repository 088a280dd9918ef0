"""Ranges: encode a part of the source, join the parts; where they don't fit, encode it whole."""

from __future__ import annotations

from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, NoReturn

from pipeline.durability import flush_all
from pipeline.history import events, jobs, plans, steps
from pipeline.media.errors import MediaError
from pipeline.media.ranges import encode_range, join_ranges
from pipeline.plan.plan import uncut
from pipeline.tasks.explain import explain
from pipeline.tasks.planned import stored_plan
from pipeline.tasks.remaking import make_again
from pipeline.tasks.step import GivenBack, Work, tools
from pipeline.tasks.turns import encoding

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sqlalchemy.orm import Session

    from pipeline.errors import ReelworksError
    from pipeline.media.process import Progress
    from pipeline.models import Job
    from pipeline.plan.encodes import EncodeUnit

#: What may go wrong with a range though the whole source can be encoded: it begins elsewhere, and
#: others may read it.
WHOLE_DECIDES = frozenset({"encoder_failed", "damaged", "verify_failed", "system"})
#: What may pass, and befalls a whole encode alike.
WHOLE_ALIKE = frozenset({"no_space", "timeout"})


def encode(work: Work, unit: EncodeUnit) -> None:
    """Encode all pictures of a range into the one file that its step leaves."""
    ((step, attempt),) = work.claim.attempts.items()
    scratch = work.workspace.scratch(step, attempt)
    with _or_whole(work):
        work.check_source()
        with encoding(work, unit):
            made = encode_range(
                tools(),
                work.planned,
                unit,
                scratch,
                timeout_s=work.timeout_s,
                on_tick=partial(_tick, work, unit),
            )
    work.log = made.log
    work.check_source_kept()
    work.meanwhile(partial(flush_all, [scratch]))

    def publish(session: Session, job: Job) -> None:
        work.workspace.publish(step, attempt)
        for note in made.notes:
            events.add(session, job.id, "encoded", note)

    work.publish(publish)


def join(work: Work, unit: EncodeUnit) -> None:
    """Join the files of all ranges into the renditions; then those files are of no more use."""
    plan = work.planned
    parts = [(one, work.workspace.result(one.name)) for one in plan.ranges]
    _all_there(work, parts)
    scratch = {
        step: work.workspace.scratch(step, attempt)
        for step, attempt in work.claim.attempts.items()
        if step in unit.steps
    }
    listing = next(iter(scratch.values())).with_suffix(".ffconcat")
    with _or_whole(work):
        try:
            made = join_ranges(
                tools(),
                plan,
                parts,
                scratch,
                listing,
                timeout_s=work.timeout_s,
                on_tick=work.tick,
                on_check=work.alive,
            )
        except FileNotFoundError:
            _all_there(work, parts)
            raise
    work.log = made.log
    work.meanwhile(partial(flush_all, scratch.values()))
    published = [(step, work.claim.attempts[step]) for step in scratch]
    work.publish(lambda *_: [work.workspace.publish(*one) for one in published])
    _remove([listing, *(path for _, path in parts)])


def _all_there(work: Work, parts: list[tuple[EncodeUnit, Path]]) -> None:
    """Have those ranges made again whose files are gone. Raises `GivenBack` when some are."""
    gone = [one.name for one, path in parts if not path.is_file()]
    if gone:
        make_again(work, gone)


def _tick(work: Work, unit: EncodeUnit, progress: Progress) -> None:
    """Heartbeat from the encode of a range, whose clock is that of the whole source."""
    start_s = unit.start_s or 0.0
    end_s = work.planned.end_s if unit.end_s is None else unit.end_s
    work.beat((progress.out_time_s - start_s) / (end_s - start_s) if end_s > start_s else 0.0)


@contextmanager
def _or_whole(work: Work) -> Iterator[None]:
    """Give up the ranges where what goes wrong in the block is theirs, as it seems in the end.

    Raises then `GivenBack`, or `LeaseLost` when somebody else did; otherwise what went wrong.
    """
    try:
        yield
    except (MediaError, OSError) as error:
        limit = work.runtime.settings.pipeline.limits.attempts
        told = explain(error)
        if work.late or not whole_decides(told, last=work.claim.tries >= limit):
            raise
        _as_a_whole(work, told)


def whole_decides(error: ReelworksError, *, last: bool) -> bool:
    """Whether the source may be encoded whole in spite of what went wrong with a range.

    What may pass is tried again, and only the `last` try gives the ranges up.
    """
    if error.transient:
        return last and error.code not in WHOLE_ALIKE
    return error.code in WHOLE_DECIDES


def _as_a_whole(work: Work, error: ReelworksError) -> NoReturn:
    names = ", ".join(work.claim.names)
    why = f"{names}: {error.message.rstrip('.')}; the source is encoded whole"

    def act(session: Session) -> None:
        job = jobs.get(session, work.claim.job_id, lock=True)
        steps.heartbeat(session, work.claim, 0.0)
        plan = stored_plan(job)
        if plan is None:
            raise error
        whole = uncut(plan, why)
        units = [(unit.name, unit.steps) for unit in whole.units]
        plans.give_up_ranges(session, job, whole.model_dump(mode="json"), units, why)

    work.runtime.db.write(act)
    _remove([work.workspace.result(unit.name) for unit in work.planned.ranges])
    raise GivenBack(why) from error


def _remove(paths: list[Path]) -> None:
    for path in paths:
        path.unlink(missing_ok=True)
