"""Remaking: results that a step needs and that are gone are made again."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

from pipeline.errors import ReelworksError
from pipeline.history import steps, tallies
from pipeline.tasks.step import GivenBack

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from pipeline.tasks.step import Work


def make_again(work: Work, gone: list[str]) -> NoReturn:
    """Have results made again that are gone, unless they go again and again."""
    job_id, folder = work.claim.job_id, work.workspace.folder
    limit = work.runtime.settings.pipeline.limits.attempts

    def act(session: Session) -> None:
        # They are gone also when the job has ended and was cleared away: then this raises.
        steps.heartbeat(session, work.claim, 0.0)
        if tallies.times_done(session, job_id, gone) > limit:
            raise ReelworksError(
                "result_gone",
                f"Results of {', '.join(gone)} are gone from {folder}, again and again.",
                "Give every worker the same `paths.work`, and keep other programs out of it.",
            )
        steps.reopen(session, job_id, gone, "its result is gone from the work folder")

    work.runtime.db.write(act)
    raise GivenBack(f"results of {', '.join(gone)} are gone from {folder}")
