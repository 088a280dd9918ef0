"""What an alert says: which file, how it ended, what to do, where the results are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pipeline.history.views import JobView

#: How each end of a job is said.
VERBS = {
    "succeeded": "is ready",
    "failed": "failed",
    "expired": "expired",
    "cancelled": "was cancelled",
}


@dataclass(frozen=True)
class Message:
    """A title of one line, and a body of plain text."""

    title: str
    body: str


def message_for(job: JobView, event: str) -> Message:
    """Write the alert about a job that ended as `event`."""
    lines = []
    if event in ("failed", "expired") and job.error is not None:
        lines += [job.error.message, job.error.hint]
    if event == "succeeded" and job.outputs is not None:
        names = ", ".join(rendition.name for rendition in job.outputs.renditions)
        lines += [f"Renditions: {names}", f"Results: {job.outputs.directory}"]
    if job.started_at is not None and job.finished_at is not None:
        lines.append(f"It took {_words((job.finished_at - job.started_at).total_seconds())}.")
    lines += [f"Source: {job.source.path}", f"Job {job.id}, profile {job.profile}"]
    return Message(f"{job.name} {VERBS[event]}", "\n".join(line for line in lines if line))


def trial_message(channel: str) -> Message:
    """Write the alert that only tries whether a channel works."""
    return Message(
        "Reelworks: a test",
        f"This is a test of the channel {channel!r}. Alerts about jobs will look like it.",
    )


def _words(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
