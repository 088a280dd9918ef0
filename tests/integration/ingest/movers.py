"""Movers of sources that are killed, and what is done after that."""

from __future__ import annotations

import errno
import os
import signal
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from pipeline.history import settling
from pipeline.ingest import source
from pipeline.models import JobState
from pipeline.tasks.finalise import settle_job
from pipeline.tasks.settle import settle_at_leisure
from tests.integration.ingest.test_settle import lapse, names

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.integration.ingest.inbox import Inbox

#: The moments between two steps of moving: who is killed there never gets to call this.
MOMENTS = {
    "before it was recorded": (source, "arrive"),
    "before it was taken away": (source, "take"),
    "before it was told that it was taken away": (settling, "taken"),
}
LINKS = ["by a link", "by a copy", "by a copy to a disk without links"]


def killed_at(
    inbox: Inbox, monkeypatch: pytest.MonkeyPatch, at: tuple[Any, str], act: Callable[[], object]
) -> None:
    """Do something in a process that is killed when it comes to `at`."""
    child = os.fork()
    if not child:
        try:
            inbox.ready.db.engine.dispose(close=False)
            monkeypatch.setattr(*at, lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL))
            act()
        finally:
            os._exit(1)
    assert os.WTERMSIG(os.waitpid(child, 0)[1]) == signal.SIGKILL


def without_links(inbox: Inbox, monkeypatch: pytest.MonkeyPatch, how: str) -> None:
    real = Path.hardlink_to

    def link(self: Path, target: str | Path) -> None:
        if os.path.lexists(self):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(self))
        if Path(target).is_relative_to(inbox.folder.path):
            raise OSError(errno.EXDEV, os.strerror(errno.EXDEV), str(self))
        if "without" in how:
            raise OSError(errno.EPERM, os.strerror(errno.EPERM), str(self))
        real(self, target)

    if how != "by a link":
        monkeypatch.setattr(Path, "hardlink_to", link)


def settle_all(inbox: Inbox, job_id: str) -> None:
    """Do what the reconciler and the workers do, once nobody can be at it any more."""
    lapse(inbox)
    settle_job(inbox.ready, job_id)
    for name, arguments in inbox.sent:
        if name == "pipeline.settle":
            settle_at_leisure(*arguments)
    inbox.sent.clear()


def end(inbox: Inbox, job_id: str, state: JobState) -> None:
    inbox.end(job_id, state)
    settle_at_leisure(job_id)


def moved_to(folder: Path) -> list[str]:
    return [name for name in names(folder) if not name.endswith(".txt")]


class Death(NamedTuple):
    """When a mover is killed, how he moves, how the job had ended, and who comes next."""

    how: str
    state: JobState
    moment: str
    first: str


DEATHS = [
    Death(how, state, moment, first)
    for first in ("a scan", "who settles")
    for moment in MOMENTS
    for state in (JobState.SUCCEEDED, JobState.FAILED)
    for how in LINKS
]
EVERY_DEATH = pytest.mark.parametrize("death", DEATHS, ids="-".join)


def die(inbox: Inbox, monkeypatch: pytest.MonkeyPatch, death: Death) -> tuple[Path, str, Path]:
    """Kill who moves the source of an ended job; returns its place, the job, and where it goes."""
    succeeded = death.state is JobState.SUCCEEDED
    path = inbox.put("clip.mp4", "the source")
    made = inbox.submit(path)
    without_links(inbox, monkeypatch, death.how)
    act = partial(end, inbox, made.job_id, death.state)
    killed_at(inbox, monkeypatch, MOMENTS[death.moment], act)
    return path, made.job_id, inbox.folder.archive if succeeded else inbox.folder.quarantine


def meanwhile(monkeypatch: pytest.MonkeyPatch, others: Callable[[], object]) -> None:
    """Let others do something as the first one has put a source to its new place."""
    arrive, begun = source.arrive, list[bool]()

    def late(*arguments: Any) -> None:
        if not begun:
            begun.append(True)
            others()
        arrive(*arguments)

    monkeypatch.setattr(source, "arrive", late)
