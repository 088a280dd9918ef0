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

#: How many of them a page shows, the newest.
MOST = 5


@dataclass(frozen=True)
class Trouble:
    """One failed attempt: at which steps (several are done by one tool at once), and its log."""

    steps: str
    attempt: AttemptView


def troubles(session: Session, job: Job) -> list[Trouble]:
    """List the failed attempts of which a tool said something, oldest first."""
    found = [
        Trouble(", ".join(map(step_word, one.steps)), one.attempt)
        for one in attempts.told(session, job, attempts.BAD)
    ]
    return sorted(found, key=lambda trouble: trouble.attempt.started_at)[-MOST:]
