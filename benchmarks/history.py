"""A history of a million jobs: how long people wait for a list, a page, a search and one job.

`REELWORKS_BENCH_JOBS` changes the number of jobs. SQLite is always measured, and PostgreSQL
where `REELWORKS_DATABASE` names a server: a database of its own is made there and dropped.
"""

from __future__ import annotations

import os
import random
import statistics
import sys
import tempfile
import time
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from click.testing import CliRunner
from fastapi.testclient import TestClient
from sqlalchemy import insert, text

from benchmarks.report import Report
from pipeline.app import Runtime, runtime
from pipeline.cli.context import Cli
from pipeline.cli.jobs import jobs as jobs_verb
from pipeline.history import schema
from pipeline.models import Job, JobState
from pipeline.web import create_app
from tests.system import Alerts, server_database_for, write_config

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sqlalchemy import Connection

JOBS = int(os.environ.get("REELWORKS_BENCH_JOBS", "1000000"))
GOAL_MS = 50.0
#: How often each is asked; the 95th percentile of it is told.
ASKED = 60
BATCH = 10_000
#: Most jobs of a long history succeeded.
STATES = (*[JobState.SUCCEEDED] * 970, *[JobState.FAILED] * 20, *[JobState.CANCELLED] * 10)
WORDS = ("holiday", "interview", "match", "lecture", "concert", "review", "garden", "winter")
#: As large as the plan of a ladder of five rungs is.
PLAN = {"filler": "x" * 7000}
#: What each job has besides its row: table, columns, values of a row for each name in the list.
CHILDREN = {
    "steps": (
        ("probe", "thumbnail", "rendition:720p", "rendition:360p", "rendition:audio", "manifest"),
        "job_id, name, kind, position, state, progress, attempt, tries, owner, started_at,"
        " finished_at",
        "id, '{name}', '{kind}', {place}, 'done', 1.0, 1, 1, 'encode@host/1/task', created_at,"
        " created_at",
    ),
    "renditions": (
        ("720p", "360p"),
        "job_id, name, width, height, codec, path, frames, duration_s, bytes",
        "id, '{name}', 1280, 720, 'h264', 'mp4/{name}.mp4', 250, 10.0, 1000000",
    ),
    "events": (
        ("found", "planned", "step_started", "step_done", "succeeded"),
        "job_id, at, kind, message, data",
        "id, created_at, '{name}', '{name} of the job', '{{}}'",
    ),
}


def run() -> Report:
    """Fill a database, then ask it as the command line, the pages and the API do."""
    figures: dict[str, float] = {}
    with tempfile.TemporaryDirectory(prefix="reelworks-bench-") as folder:
        root = Path(folder)
        figures |= _measured("SQLite", root / "sqlite", None)
        with server_database_for() as server:
            if server is not None:
                address = server.render_as_string(hide_password=False)
                figures |= _measured("PostgreSQL", root / "postgresql", address)
    goals = {name: GOAL_MS for name in figures if name.endswith("p95 ms")}
    return Report(
        "history",
        {"jobs": JOBS, **figures},
        goals,
        (
            f"each asked {ASKED} times in this process: Python and the network are not in it",
            "a search is for a name that one job has, or for a word that every eighth has",
        ),
    )


def _measured(kind: str, root: Path, address: str | None) -> dict[str, float]:
    root.mkdir()
    with runtime_on(root, address) as ready:
        began = time.monotonic()
        _fill(ready)
        print(f"{kind}: {JOBS:,} jobs in {time.monotonic() - began:.0f} s", file=sys.stderr)
        client = TestClient(create_app(ready))
        found = {}
        for name, ask in _questions(ready, client).items():
            ask()  # the first one compiles templates and statements
            times = [_timed(ask) for _ in range(ASKED)]
            print(f"{kind}: {name}, worst {max(times):.1f} ms", file=sys.stderr)
            found[f"{kind}, {name}, p95 ms"] = statistics.quantiles(times, n=20)[-1]
        client.close()
    return found


def _questions(ready: Runtime, client: TestClient) -> dict[str, Callable[[], None]]:
    draw = random.Random(1)

    def listed(*words: str) -> None:
        cli = Cli(None)
        cli.__dict__["runtime"] = ready
        said = CliRunner().invoke(jobs_verb, words, obj=cli, catch_exceptions=False)
        if said.exit_code or not said.output:
            raise RuntimeError(said.output)

    def got(path: str) -> None:
        answer = client.get(path, headers={"host": "127.0.0.1"})
        if answer.status_code != 200:
            raise RuntimeError(answer.text)

    def job_id() -> str:
        return _id(draw.randrange(JOBS))

    return {
        "`reelworks jobs`": listed,
        "`reelworks jobs --state failed`": lambda: listed("--state", "failed"),
        "first page": lambda: got("/"),
        "a page from the middle": lambda: got(f"/?before={job_id()}"),
        "search for one": lambda: got(f"/api/v1/jobs?name=take-{draw.randrange(JOBS)}."),
        "search for many": lambda: got(f"/?name={draw.choice(WORDS)}"),
        "search for nothing": lambda: got(f"/?name=nobody{draw.randrange(1000)}"),
        "one job": lambda: got(f"/api/v1/jobs/{job_id()}"),
        "one job's page": lambda: got(f"/jobs/{job_id()}"),
    }


def _timed(ask: Callable[[], None]) -> float:
    began = time.perf_counter()
    ask()
    return (time.perf_counter() - began) * 1000


@contextmanager
def runtime_on(root: Path, address: str | None) -> Iterator[Runtime]:
    """Give a runtime on a database of its own: SQLite, or the one at the address."""
    former = dict(os.environ)
    os.environ["REELWORKS_CONFIG"] = str(write_config(root, Alerts(url="json://127.0.0.1:1/")))
    os.environ["REELWORKS_DATABASE"] = address or "embedded"
    runtime.cache_clear()
    ready = runtime()
    try:
        ready.prepare()
        yield ready
    finally:
        ready.db.dispose()
        os.environ.clear()
        os.environ.update(former)
        runtime.cache_clear()


def _fill(ready: Runtime) -> None:
    schema.upgrade(ready.db)
    with ready.db.begin() as session:
        connection = session.connection()
        for first in range(0, JOBS, BATCH):
            rows = [_job(number) for number in range(first, min(first + BATCH, JOBS))]
            connection.execute(insert(Job), rows)
        for table in CHILDREN:
            _fill_children(connection, table)
        if connection.dialect.name != "sqlite":
            connection.execute(text(f"SELECT setval('jobs_seq', {JOBS + 1})"))
    if ready.db.url.get_backend_name() != "sqlite":
        # As autovacuum does sooner or later.
        with ready.db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as one:
            one.execute(text("VACUUM ANALYZE"))


def _fill_children(connection: Connection, table: str) -> None:
    names, columns, values = CHILDREN[table]
    for place, name in enumerate(names):
        row = values.format(name=name, kind=name.partition(":")[0], place=place)
        connection.execute(text(f"INSERT INTO {table} ({columns}) SELECT {row} FROM jobs"))


def _id(number: int) -> str:
    # Spread as random ids are: the golden ratio's multiples.
    return f"{number * 2654435769 % 2**32:08x}{number:024x}"


def _job(number: int) -> dict[str, Any]:
    at = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=number)
    name = f"{WORDS[number % len(WORDS)]} take-{number}.mp4"
    return {
        "id": _id(number),
        "seq": number + 1,
        "state": STATES[number % len(STATES)],
        "profile": "web" if number % 10 else "mobile",
        "source_path": f"/srv/media/archive/{name}",
        "original_path": f"/srv/media/inbox/{name}",
        "file_name": name,
        "source_bytes": 50_000_000,
        "source_mtime_ns": number,
        "fingerprint": f"{number:064x}",
        "plan": PLAN,
        "source_duration_s": 10.0,
        "source_width": 1280,
        "source_height": 720,
        "output_directory": f"/srv/media/library/{name}",
        "outputs": {"poster": "poster.jpg", "hls": "stream/master.m3u8"},
        "created_at": at,
        "started_at": at,
        "finished_at": at,
        "settled_at": at,
        "deadline_at": at,
        "touched_at": at,
    }
