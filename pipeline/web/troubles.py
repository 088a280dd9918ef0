"""Troubles: what the tools said in the attempts at a job's steps that failed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.history import attempts
from pipeline.history.words import step_word

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from pipeline.history.attempts import AttemptView
    from pipeline.models import Job

#: How an attempt ended that failed: for good, or to be tried again.
FAILED = ("failed", "retried")
#: How many of them a page shows, the newest.
MOST = 5


@dataclass(frozen=True)
class Trouble:
    """One failed attempt: at which steps (several are done by one tool at once), and its log."""

    steps: str
    attempt: AttemptView


def troubles(session: Session, job: Job) -> list[Trouble]:
    """List the failed attempts of which a tool said something, oldest first."""
    found: dict[tuple[str, int, str | None], Trouble] = {}
    failed = attempts.of_job(session, job.id, FAILED)
    for step in job.steps:
        for attempt in failed.get(step.id, ()):
            if not attempt.log:
                continue
            key = (step.unit or step.name, attempt.number, attempt.log)
            former = found.get(key)
            word = step_word(step.name)
            found[key] = Trouble(f"{former.steps}, {word}" if former else word, attempt)
    return sorted(found.values(), key=lambda trouble: trouble.attempt.started_at)[-MOST:]
