"""What happens to parts, as people read it on the console."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

from pipeline.printable import printable
from pipeline.stack.supervisor import Notice, What

if TYPE_CHECKING:
    from rich.console import Console

_STYLE = {
    What.STARTED: "dim",
    What.STOPPING: "dim",
    What.STOPPED: "dim",
    What.DIED: "red",
    What.KILLED: "yellow",
    What.MENDED: "green",
    What.NOT_MENDED: "red",
    What.FULL: "red",
    What.ROOM: "green",
}

#: Whom somebody ended has said nothing about it: the end of its log is about something else.
_FROM_OUTSIDE = frozenset({-signal.SIGKILL, -signal.SIGTERM, -signal.SIGINT})
#: How a part ends that stops as it was asked to.
_AS_ASKED = frozenset({None, 0, *_FROM_OUTSIDE})


def show(console: Console, notice: Notice) -> None:
    """Print one notice: a line, and the end of the log when a part died of itself."""
    text = sentence(notice)
    died = notice.what is What.DIED and notice.status not in _FROM_OUTSIDE
    broke = _broke(notice)
    if text:
        style = _STYLE[What.DIED if broke else notice.what]
        console.print(text, style=style, markup=False, highlight=False, soft_wrap=True)
    if died or broke:
        for line in notice.lines:
            text = f"    {printable(line)}"
            console.print(text, style="dim", markup=False, highlight=False, soft_wrap=True)


def sentence(notice: Notice) -> str:
    """Say in a line what happened; nothing is said of a part that stops as it was asked to."""
    match notice.what:
        case What.STARTED:
            return f"{notice.part} started (process {notice.pid})"
        case What.DIED:
            return f"{notice.part} {ended(notice.status)}; started again in {notice.again_in_s:g} s"
        case What.STOPPING:
            return f"stopping {notice.part}"
        case What.KILLED:
            return f"{notice.part} did not stop in time and was killed"
        case What.FULL | What.ROOM:
            return " ".join(notice.lines)
        case What.MENDED:
            return f"{notice.part}: {' '.join(notice.lines)}"
        case What.NOT_MENDED:
            later = "what it worked on goes on once its lease has lapsed"
            return f"{notice.part}: {later} ({' '.join(notice.lines)})"
        case What.STOPPED:
            how = f"{notice.part} {ended(notice.status)} instead of stopping"
            return how if _broke(notice) else ""


def _broke(notice: Notice) -> bool:
    """Whether a part that was asked to stop did something else."""
    return notice.what is What.STOPPED and notice.status not in _AS_ASKED


def ended(status: int | None) -> str:
    """Say how a process ended, by its exit status (negative: by that signal)."""
    if status is None:
        return "could not be started"
    if status < 0:
        return f"was ended by {signal.Signals(-status).name}"
    return f"ended with status {status}"
