"""A new version meets what the previous one left: tables, plans and messages."""

from __future__ import annotations

import time
import uuid
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from alembic import command
from kombu import Connection
from sqlalchemy import create_engine, make_url, select, text

from pipeline.history import schema
from pipeline.history.database import Database
from pipeline.models import Job, JobState
from pipeline.queues import PREFIX
from tests.faults.fault import Fault, Scene
from tests.faults.stacks import COMPOSE, EMBEDDED, RABBIT, REDIS

if TYPE_CHECKING:
    from collections.abc import Iterator

#: How many jobs the tables hold that are brought up to date.
JOBS = 100_000
#: How long bringing them up to date may take, seconds: nothing runs meanwhile.
LONGEST_S = 900.0
#: The first revision: every later one is applied.
FIRST = "0001"
#: Messages as another version may have sent them: a task that is gone, too few arguments, too many.
OLD_MESSAGES: tuple[tuple[str, list[object], str], ...] = (
    ("pipeline.encode", ["720p"], "encode.cpu"),
    ("pipeline.rendition", ["all"], "encode.cpu"),
    ("pipeline.manifest", ["all", 1], "package"),
    ("pipeline.probe", [], "package"),
)


def _begun_before(scene: Scene) -> str:
    """Stop in the middle, put the tables and plans back by a version, and start.

    On the broker lie the messages of the previous version, one of a task that there is no longer
    and one with other arguments among them.
    """
    scene.batch.drop("slow", seconds=4, size="960x540")
    scene.wait_for(lambda: _begun(scene), "a job to have a plan", 120.0)
    scene.batch.told_again = True
    scene.site.kill()
    with scene.site.database() as database:
        jobs = _as_the_previous_version(database)
        command.downgrade(schema._config(database), "-1")
    scene.site.start()
    for job_id in jobs:
        for task, arguments, queue in OLD_MESSAGES:
            here = f"{PREFIX}{queue}" if scene.site.broker.startswith("amqp") else queue
            _send(scene.site.broker, task, [job_id, *arguments], here)
    return f"{len(jobs)} jobs had been begun by the previous version"


def _send(broker: str, task: str, arguments: list[object], queue: str) -> None:
    """Send a task message as Celery's protocol 2 writes it, by hand and past every declaration."""
    number = uuid.uuid4().hex
    headers = {"lang": "py", "task": task, "id": number, "root_id": number, "argsrepr": ""}
    embed = {"callbacks": None, "errbacks": None, "chain": None, "chord": None}
    with Connection(broker) as connection:
        connection.Producer().publish(
            [arguments, {}, embed],
            exchange="",
            routing_key=queue,
            headers=headers,
            correlation_id=number,
            serializer="json",
            delivery_mode=2,
        )


def _begun(scene: Scene) -> bool:
    with scene.site.database() as database, database.read() as session:
        jobs = session.scalars(select(Job).where(Job.state == JobState.RUNNING))
        return any(job.plan is not None for job in jobs)


def _as_the_previous_version(database: Database) -> list[str]:
    """Give the plans of unfinished jobs the number of the former format; returns the jobs."""
    with database.begin() as session:
        jobs = session.scalars(
            select(Job).where(Job.state.in_((JobState.QUEUED, JobState.RUNNING)))
        ).all()
        for job in jobs:
            if job.plan is not None:
                job.plan = {**job.plan, "version": int(job.plan["version"]) - 1}
        return [job.id for job in jobs]


def _many_jobs(scene: Scene) -> str:
    """Bring a database with 100,000 jobs forward from the first revision, and lose none."""
    with _another_database(scene) as database:
        config = schema._config(database)
        command.upgrade(config, FIRST)
        _fill(database)
        before = _counts(database)
        began = time.monotonic()
        schema.upgrade(database)
        took_s = time.monotonic() - began
        after = _counts(database)
    if after != before or before["jobs"] != JOBS:
        scene.problems.append(f"{before} became {after}")
    if took_s > LONGEST_S:
        scene.problems.append(f"the migrations took {took_s:.0f} s")
    return f"{JOBS:,} jobs were brought forward in {took_s:.1f} s"


@contextmanager
def _another_database(scene: Scene) -> Iterator[Database]:
    address = scene.stack.direct_database
    if address is None:
        path = Path(scene.site.root / "many.db")
        path.unlink(missing_ok=True)
        address = f"sqlite:///{path}"
    else:
        engine = create_engine(address, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(text("DROP DATABASE IF EXISTS many"))
            connection.execute(text("CREATE DATABASE many"))
        engine.dispose()
        address = make_url(address).set(database="many").render_as_string(hide_password=False)
    database = Database(address)
    try:
        yield database
    finally:
        database.dispose()


def _fill(database: Database) -> None:
    """Fill the first version's tables: each job with its steps, an attempt a step, and a file."""
    number = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {})"
    at = "'2026-01-01 00:00:00'"
    job = "printf('%032x', i)" if _is_sqlite(database) else "lpad(to_hex(i), 32, '0')"
    key = "printf('%064x', i)" if _is_sqlite(database) else "lpad(to_hex(i), 64, '0')"
    many, kinds = number.format(JOBS), ("probe", "thumbnail", "rendition", "manifest")
    statements = [
        f"INSERT INTO jobs (id, state, run, profile, priority, source_path, original_path,"
        f" library_subfolder, source_bytes, source_mtime_ns, fingerprint, on_success, on_failure,"
        f" created_at, deadline_at, publish_count, touched_at, settled_at, finished_at) {many}"
        f" SELECT {job}, 'succeeded', 1, 'web', 5, '/archive/' || i, '/inbox/' || i, '', 1, 1,"
        f" 'f' || i, 'archive', 'quarantine', {at}, {at}, 1, {at}, {at}, {at} FROM n",
        f"INSERT INTO known_files (key, path, bytes, mtime_ns, inode, job_id, seen_at) {many}"
        f" SELECT {key}, '/inbox/' || i, 1, 1, i, {job}, {at} FROM n",
        f"INSERT INTO events (job_id, at, kind, message, data) {many}"
        f" SELECT {job}, {at}, 'found', 'found it', '{{}}' FROM n",
    ]
    statements += [
        f"INSERT INTO steps (job_id, name, kind, position, state, progress, attempt, tries) {many}"
        f" SELECT {job}, '{kind}', '{kind}', {position}, 'done', 1.0, 1, 1 FROM n"
        for position, kind in enumerate(kinds)
    ]
    statements.append(
        f"INSERT INTO attempts (step_id, number, run, owner, started_at, finished_at, outcome)"
        f" SELECT id, 1, 1, 'encode@host', {at}, {at}, 'done' FROM steps"
    )
    with database.engine.begin() as connection:
        for statement in statements:
            connection.execute(text(statement))


def _is_sqlite(database: Database) -> bool:
    return database.url.get_backend_name() == "sqlite"


def _counts(database: Database) -> dict[str, int]:
    tables = ("jobs", "steps", "attempts", "events", "known_files")
    with database.engine.connect() as connection:
        return {
            table: int(connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one())
            for table in tables
        }


FAULTS = (
    Fault("upgrade-begun", _begun_before, ends_parts=True),
    # MariaDB never had tables of the first version.
    Fault("upgrade-many", _many_jobs, stacks=(EMBEDDED, REDIS, RABBIT, COMPOSE)),
)
