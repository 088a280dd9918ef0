"""A watched folder, and what submitting its files asks of the broker."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.errors import ReelworksError
from pipeline.history import events, jobs
from pipeline.ingest.intake import unknown
from pipeline.ingest.submit import Actions, Submitted, Wishes, submit
from pipeline.ingest.survey import survey
from pipeline.models import Job, JobState
from pipeline.tasks.finalise import finalise

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from pipeline.app import Runtime
    from pipeline.settings.pipeline import WatchFolder


def unknown_files(ready: Runtime, folder: WatchFolder) -> list[Path]:
    """List the files of the folder for which there is something to do."""
    return [Path(one.path) for one in unknown(ready, folder, survey(folder))]


BAD = ReelworksError("not_media", "It is a text.", "Give a video.")


class Inbox:
    """The first watched folder, with what submitting asked of the broker."""

    def __init__(self, ready: Runtime) -> None:
        self.ready = ready
        self.folder: WatchFolder = ready.settings.pipeline.watch[0]
        self.published: list[str] = []
        self.rerun: list[str] = []
        self.superseded: list[tuple[str, str]] = []
        self.actions = Actions(
            publish=self.published.append,
            rerun=self._run_again,
            supersede=lambda job_id, error: self.superseded.append((job_id, error.code)),
        )
        #: What was asked of other workers: task and arguments.
        self.sent: list[tuple[str, tuple[str, ...]]] = []

    def _run_again(self, _session: Session, job_id: str) -> bool:
        self.rerun.append(job_id)
        return False

    def put(self, name: str, content: str = "a clip") -> Path:
        path = self.folder.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
        return path

    def submit(self, path: Path, wishes: Wishes | None = None) -> Submitted:
        wanted = wishes or Wishes.of(self.folder)
        return submit(self.ready, path, wanted, self.actions)

    def end(self, job_id: str, state: JobState) -> None:
        error = BAD if state is JobState.FAILED else None
        assert finalise(self.ready, job_id, state, error=error, step="probe")

    def keeping(self, **rules: str | Path) -> None:
        """Change what the folder's entry says of files that are done with."""
        self.folder = self.folder.model_copy(update=rules)

    def scan(self) -> list[Path]:
        """Submit what a scan finds; lists it."""
        found = unknown_files(self.ready, self.folder)
        for path in found:
            self.submit(path)
        return found

    def job(self, job_id: str) -> Job:
        with self.ready.db.read() as session:
            return jobs.get(session, job_id)

    def events(self, job_id: str) -> list[str]:
        with self.ready.db.read() as session:
            return [event.kind for event in events.since(session, job_id)]

    def messages(self, job_id: str) -> list[str]:
        with self.ready.db.read() as session:
            return [event.message for event in events.since(session, job_id)]
