"""A whole web part for tests: configuration, database, and jobs as the workers make them."""

from __future__ import annotations

import json
import subprocess
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import uvicorn

from pipeline import workflows
from pipeline.app import Runtime, runtime
from pipeline.errors import ReelworksError
from pipeline.history import jobs, plans, schema, steps
from pipeline.history.database import Database
from pipeline.history.steps import Claim
from pipeline.media.tools import find_tools
from pipeline.models import Base, JobState
from pipeline.tasks.ingest import submit_file, submit_path
from pipeline.web import create_app

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pytest

    from pipeline.history.views import JobView, OutputsView
    from pipeline.workflows import Todo

OURS = ("BROKER", "RESULTS", "LIBRARY", "WORK", "STATE", "WEB_LISTEN")
PROFILES = {
    name: {
        "video": {"codec": "h264", "ladder": ladder, "preset": "ultrafast", "encoder": "cpu"},
        "audio": {"codec": "aac", "bitrate": "64k"},
        "package": ["hls", "dash", "mp4"],
    }
    for name, ladder in (("web", [180, 90]), ("small", [90]))
}
#: Longer than anything here takes, seconds, on a busy machine.
PATIENCE_S = 90


class Unpublished:
    """Takes the canvas's place: what would go to the broker stays here."""

    def apply_async(self, **_options: object) -> None:
        """Publish nothing."""


@dataclass
class Site:
    """A configured system without workers: `inbox` is watched by nobody but the web part."""

    folder: Path
    ready: Runtime
    #: The ids of jobs that were given to the broker.
    published: list[str] = field(default_factory=list)

    @property
    def inbox(self) -> Path:
        """The watched folder."""
        return self.folder / "inbox"

    def job(
        self, name: str = "clip.mp4", content: bytes | None = None, profile: str | None = None
    ) -> JobView:
        """Make a queued job of a file in the inbox."""
        self.inbox.mkdir(exist_ok=True)
        path = self.inbox / name
        path.write_bytes(name.encode() if content is None else content)
        return self.view(submit_file(path, profile=profile).job_id)

    def view(self, job_id: str) -> JobView:
        """Show the job."""
        with self.ready.db.read() as session:
            return jobs.view(session, job_id)

    def plan(self, job_id: str, *names: str) -> None:
        """Let the probe have planned these steps; what is no range joins those there are."""
        self.take(job_id, "probe")
        self.done(job_id, "probe")
        with self.ready.db.begin() as session:
            job = jobs.get(session, job_id)
            parts = [name for name in names if name.startswith("range:")]
            units = [(name, [name]) for name in parts]
            units += [("all", [name for name in names if name not in parts])]
            facts: dict[str, Any] = {"duration_s": 63.5, "size": (320, 180), "units": units}
            plans.record_plan(session, job, {}, **facts, ranges=parts, join="all")

    def take(self, job_id: str, *names: str) -> Claim:
        """Begin to work on steps."""
        with self.ready.db.begin() as session:
            claim = steps.claim(session, job_id, names, owner="encode@a/task", limit=3)
        assert isinstance(claim, Claim)
        return claim

    def done(self, job_id: str, *names: str) -> None:
        """Finish steps that were taken."""
        with self.ready.db.begin() as session:
            rows = [step for step in jobs.get(session, job_id).steps if step.name in names]
            claim = Claim(job_id, "encode@a/task", {row.name: row.attempt for row in rows}, 1)
            with steps.publishing(session, claim):
                pass

    def beat(self, claim: Claim, progress: float) -> None:
        """Tell how far the work on a claim is."""
        with self.ready.db.begin() as session:
            steps.heartbeat(session, claim, progress)

    def fail(self, claim: Claim, error: ReelworksError, log: str = "") -> None:
        """Fail the steps of a claim for good."""
        with self.ready.db.begin() as session:
            assert steps.fail(session, claim, error, retry_in=None, log=log)

    def end(self, job_id: str, state: JobState, error: ReelworksError | None = None) -> None:
        """End the job."""
        with self.ready.db.begin() as session:
            assert jobs.end(session, job_id, state, error=error, step="probe" if error else None)

    def succeed(self, job_id: str, outputs: OutputsView) -> None:
        """End the job well, with these results."""
        named = {"poster": outputs.poster, "hls": outputs.hls, "dash": outputs.dash}
        paths = {kind: path for kind, path in named.items() if path is not None}
        facts = [
            jobs.OutputFacts(duration_s=one.duration, **one.model_dump(exclude={"duration"}))
            for one in outputs.renditions
        ]
        with self.ready.db.begin() as session:
            job = jobs.get(session, job_id)
            jobs.record_outputs(session, job, outputs.directory, paths, facts)
        self.end(job_id, JobState.SUCCEEDED)

    def work(self, path: Path) -> JobView:
        """Do a job as the workers would, in this process; its results are real."""
        from pipeline.tasks.manifest import manifest
        from pipeline.tasks.probe import probe
        from pipeline.tasks.rendition import rendition
        from pipeline.tasks.thumbnail import thumbnail

        job_id = submit_path(path)
        probe.apply(args=(job_id,), throw=True)
        thumbnail.apply(args=(job_id,), throw=True)
        with self.ready.db.read() as session:
            todo = workflows.todo_of(jobs.get(session, job_id))
        for unit, _capability, names in todo.units:
            rendition.apply(args=(job_id, unit, list(names)), throw=True)
        manifest.apply(args=(job_id,), throw=True)
        return self.view(job_id)

    @contextmanager
    def served(self) -> Iterator[str]:
        """Serve on a free port; gives the address. Listeners do not hold up the end."""
        config = uvicorn.Config(
            create_app(self.ready), port=0, log_config=None, timeout_graceful_shutdown=1
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run)
        thread.start()
        try:
            until(lambda: server.started)
            yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(PATIENCE_S)
            assert not thread.is_alive()


def until(true: Any) -> None:
    """Wait until something is so."""
    end = time.monotonic() + PATIENCE_S
    while not true():
        assert time.monotonic() < end, "it did not become so"
        time.sleep(0.02)


def make_site(folder: Path, database: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """Configure a system below the folder."""
    config = folder / "config"
    config.mkdir()
    places = {name: str(folder / name) for name in ("library", "work", "state")}
    watch = [{"path": str(folder / "inbox"), "on_success": "keep", "on_failure": "keep"}]
    pipeline = {"paths": places, "watch": watch, "web": {"listen": "127.0.0.1:8080"}}
    (config / "pipeline.yml").write_text(json.dumps(pipeline))
    (config / "profiles.yml").write_text(json.dumps(PROFILES))
    for name in OURS:
        monkeypatch.delenv(f"REELWORKS_{name}", raising=False)
    monkeypatch.setenv("REELWORKS_DATABASE", database)
    monkeypatch.setenv("REELWORKS_CONFIG", str(config))
    runtime.cache_clear()
    ready = runtime()
    _empty(ready)
    ready.prepare()
    site = Site(folder, ready)

    def journey(todo: Todo) -> Unpublished:
        site.published.append(todo.job_id)
        return Unpublished()

    monkeypatch.setattr(workflows, "journey", journey)
    yield site
    ready.db.dispose()
    runtime.cache_clear()


def _empty(ready: Runtime) -> None:
    """Begin with empty tables; a database in a file is a copy of one that was migrated once."""
    file = ready.db.url.database
    if ready.db.url.get_backend_name() == "sqlite":
        assert file is not None
        Path(file).write_bytes(_migrated())
        return
    schema.upgrade(ready.db)
    with ready.db.begin() as session:
        for table in reversed(Base.metadata.sorted_tables):
            session.execute(table.delete())


@lru_cache(maxsize=1)
def _migrated() -> bytes:
    with TemporaryDirectory() as folder:
        database = Database(f"sqlite:///{folder}/empty.db")
        schema.upgrade(database)
        database.dispose()
        return Path(folder, "empty.db").read_bytes()


def clip(ready: Runtime, path: Path, seconds: float = 6) -> Path:
    """Make a small clip with picture and sound."""
    tool = find_tools(ready.settings.pipeline.tools).ffmpeg
    picture = f"testsrc2=size=320x180:rate=25:duration={seconds}"
    sound = f"sine=frequency=440:duration={seconds}"
    inputs = ("-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", sound)
    codecs = ("-c:v", "libx264", "-preset", "ultrafast", "-c:a", "aac")
    argv = [str(tool), "-v", "error", "-nostdin", *inputs, *codecs, str(path)]
    subprocess.run(argv, check=True)
    return path
