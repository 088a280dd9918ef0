"""What an alert says: which file, how it ended, what to do, where the results are."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, Literal

from pipeline.printable import size_text

if TYPE_CHECKING:
    from datetime import datetime

    from pipeline.history.views import JobView

Kind = Literal["info", "success", "warning", "failure"]

#: How each end of a job is said.
VERBS = {
    "succeeded": "is ready",
    "failed": "failed",
    "expired": "expired",
    "cancelled": "was cancelled",
    "damaged": "is damaged in the library",
    "waiting": "waits for a worker",
}


#: How a channel that knows colours or signs is to show each end of a job.
KINDS: dict[str, Kind] = {
    "succeeded": "success",
    "failed": "failure",
    "expired": "warning",
    "cancelled": "warning",
    "damaged": "failure",
    "waiting": "warning",
}


@dataclass(frozen=True)
class Message:
    """A title of one line, a body of plain text, and how it is to be shown."""

    title: str
    body: str
    kind: Kind = "info"


def message_for(job: JobView, event: str, run: int = 0) -> Message:
    """Write the alert about the run of a job that ended as `event`; 0 when that is not known."""
    lines = []
    if event == "damaged":
        lines += _about_damage(job)
    elif event == "waiting":
        lines += _about_worker(job)
    elif job.state != event or run not in (0, job.run):
        # A late alert: its job was retried meanwhile, so what ended it is no longer known.
        lines.append(f"It was run again since: it is {job.state} now.")
    elif job.error is not None:
        lines += [job.error.message, job.error.hint]
    if event == "succeeded" and job.outputs is not None:
        names = ", ".join(rendition.name for rendition in job.outputs.renditions)
        lines += [f"Renditions: {names or 'none'}", f"Results: {job.outputs.directory}"]
    if job.started_at is not None and job.finished_at is not None:
        lines.append(f"It took {_words((job.finished_at - job.started_at).total_seconds())}.")
    source = f"Source: {job.source.path}{job.source.fate_words}"
    lines += [source, f"Job {job.id}, profile {job.profile}"]
    body = "\n".join(_one_line(line) for line in lines if line)
    return Message(_one_line(f"{job.name} {VERBS[event]}"), body, KINDS[event])


def _about_damage(job: JobView) -> list[str]:
    """Say what is wrong with results that were decoded again, and what helps."""
    if job.damage is None:
        return ["Its results were made again since, or found to be whole."]
    again = f"`reelworks retry {job.short_id} --force` makes them again, from their source."
    where = f"Results: {job.outputs.directory}" if job.outputs else ""
    return [*job.damage, again, where]


def _about_worker(job: JobView) -> list[str]:
    """Say which worker a job lacks, and how to start one."""
    if job.waits_for is None:
        return ["It goes on since: such a worker is there."]
    start = f"Start one where it may be encoded: `reelworks worker encode --tags {job.waits_for}`."
    return [f"No worker with the tag {job.waits_for} is there.", start]


def digest_message(
    found: dict[str, Any], since: datetime, until: datetime, free_bytes: int | None
) -> Message:
    """Write what happened between two moments; `found` is what the history tells of them."""
    ended = found["ended"]
    counts = [f"{count} {state}" for state, count in ended.items() if count]
    title = f"Reelworks: {', '.join(counts) or 'nothing ended'}"
    lines = [f"From {since:%Y-%m-%d %H:%M} to {until:%Y-%m-%d %H:%M} UTC."]
    if ended.get("succeeded"):
        made = size_text(found["bytes"])
        lines.append(f"{_words(found['seconds'])} of media became {made} of renditions.")
    for word, kind in (("Failed", "failed"), ("Damaged", "damaged"), ("Schedule", "schedules")):
        lines += [f"{word}: {PurePath(name).name}: {said}" for name, said in found[kind]]
    lines.append(f"{found['waiting']} jobs wait or run.")
    if free_bytes is not None:
        lines.append(f"{size_text(free_bytes)} are free in the library.")
    trouble = found["failed"] or found["damaged"] or found["schedules"]
    body = "\n".join(_one_line(line) for line in lines)
    return Message(_one_line(title), body, "warning" if trouble else "info")


def trial_message(channel: str) -> Message:
    """Write the alert that only tries whether a channel works."""
    return Message(
        "Reelworks: a test",
        f"This is a test of the channel {channel!r}. Alerts about jobs will look like it.",
    )


def _one_line(text: str) -> str:
    """Make text safe to send: file names may hold line breaks, and bytes that are no letters."""
    sendable = text.encode("utf-8", "replace").decode("utf-8")
    return "".join(" " if unicodedata.category(sign) == "Cc" else sign for sign in sendable)


def _words(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
