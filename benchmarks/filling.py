"""Fill a database with ended jobs, as a long history has them, by a few statements of SQL."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

from sqlalchemy import text

if TYPE_CHECKING:
    from pipeline.history.database import Database

WORDS = ("holiday", "interview", "match", "lecture", "concert", "review", "garden", "winter")
#: When the first job was made, seconds since 1970; one follows each second.
BEGAN = 1_767_225_600
#: As large as the plan of a ladder of five rungs is, characters.
PLAN = 7000
#: What writes numbers and moments, on each kind of database.
DIALECT = {
    "sqlite": {
        "short": "printf('%08x', {})",
        "rest": "printf('%024x', number)",
        "content": "printf('%064x', number)",
        "at": f"strftime('%Y-%m-%d %H:%M:%S.000000', {BEGAN} + number, 'unixepoch')",
    },
    "postgresql": {
        "short": "lpad(to_hex({}), 8, '0')",
        "rest": "lpad(to_hex(number), 24, '0')",
        "content": "lpad(to_hex(number), 64, '0')",
        "at": f"to_timestamp({BEGAN} + number)",
    },
}
NUMBERS = (
    "WITH RECURSIVE numbers(number) AS (SELECT CAST(0 AS BIGINT) UNION ALL "
    "SELECT number + 1 FROM numbers WHERE number + 1 < {count}) "
)
#: What each job has besides its row: table, names, columns, and their values for each name.
CHILDREN = (
    (
        "steps",
        ("probe", "thumbnail", "rendition:720p", "rendition:360p", "rendition:audio", "manifest"),
        "id, job_id, name, kind, position, state, progress, attempt, tries, owner, started_at,"
        " finished_at",
        "(seq - 1) * {of} + place, jobs.id, name, kind, place, 'done', 1.0, 1, 1,"
        " 'encode@host/1/task', created_at, created_at",
    ),
    (
        "renditions",
        ("720p", "360p"),
        "id, job_id, name, width, height, codec, path, frames, duration_s, bytes",
        "(seq - 1) * {of} + place, jobs.id, name, 1280, 720, 'h264', 'mp4/' || name || '.mp4', 250,"
        " 10.0, 1000000",
    ),
    (
        "events",
        ("found", "planned", "step_started", "step_done", "succeeded"),
        "id, job_id, at, kind, message, data",
        "(seq - 1) * {of} + place, jobs.id, created_at, name, name || ' of the job', '{{}}'",
    ),
)
#: One of each step.
ATTEMPTS = (
    "INSERT INTO attempts (id, step_id, number, run, owner, started_at, finished_at, outcome, log)"
    " SELECT id, id, 1, 1, owner, started_at, finished_at, 'done', 'x264 said this' FROM steps"
)


def fill(database: Database, count: int) -> None:
    """Write `count` jobs into tables that are empty."""
    if database.url.get_backend_name() == "sqlite":
        database.dispose()  # else nobody may change how it is written
        _fill_sqlite(str(database.url.database), count)
    else:
        _fill_server(database, count)


def job_id(number: int) -> str:
    """Give the id of a job by its number: spread as random ones are, by the golden ratio."""
    return f"{number * 2654435769 % 2**32:08x}{number:024x}"


def _fill_sqlite(path: str, count: int) -> None:
    connection = sqlite3.connect(path, isolation_level=None)
    # Nobody needs what a crash would leave of it.
    for setting in ("journal_mode=OFF", "synchronous=OFF", "cache_size=-1000000"):
        connection.execute(f"PRAGMA {setting}").close()
    connection.execute("BEGIN")
    for statement in _statements("sqlite", count):
        connection.execute(statement)
    connection.execute("COMMIT")
    connection.execute("ANALYZE")  # as upkeep does every night
    connection.close()


def _fill_server(database: Database, count: int) -> None:
    with database.engine.begin() as begun:
        connection = begun.execution_options(no_parameters=True)  # a % is one
        # Foreign keys hold by how the rows are made; only a superuser may pass them over.
        connection.exec_driver_sql(
            "SELECT set_config('session_replication_role', 'replica', true) "
            "FROM pg_roles WHERE rolname = current_user AND rolsuper"
        )
        for statement in _statements("postgresql", count):
            connection.exec_driver_sql(statement)
        connection.exec_driver_sql(f"SELECT setval('jobs_seq', {count + 1})")
        for table in ("steps", "attempts", "renditions", "events"):
            ids = f"pg_get_serial_sequence('{table}', 'id')"
            connection.exec_driver_sql(f"SELECT setval({ids}, (SELECT max(id) FROM {table}))")
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as one:
        one.execute(text("VACUUM ANALYZE"))  # as autovacuum does sooner or later


def _statements(dialect: str, count: int) -> list[str]:
    return [
        _jobs(DIALECT[dialect], count),
        *(_children(*child) for child in CHILDREN),
        ATTEMPTS,
    ]


def _jobs(say: dict[str, str], count: int) -> str:
    word = " ".join(f"WHEN {place} THEN '{word}'" for place, word in enumerate(WORDS))
    name = f"CASE number % {len(WORDS)} {word} END || ' take-' || number || '.mp4'"
    at = say["at"]
    values = {
        "id": say["short"].format("number * 2654435769 % 4294967296") + " || " + say["rest"],
        "seq": "number + 1",
        # Most jobs of a long history succeeded.
        "state": "CASE WHEN number % 1000 < 970 THEN 'succeeded' WHEN number % 1000 < 990"
        " THEN 'failed' ELSE 'cancelled' END",
        "run": "1",
        "profile": "CASE number % 10 WHEN 0 THEN 'mobile' ELSE 'web' END",
        "priority": "5",
        "source_path": f"'/srv/media/archive/' || {name}",
        "original_path": f"'/srv/media/inbox/' || {name}",
        "file_name": name,
        "library_subfolder": "''",
        "source_bytes": "50000000",
        "source_mtime_ns": "number",
        "fingerprint": say["content"],
        "on_success": "'archive'",
        "on_failure": "'quarantine'",
        "plan": f"""'{{"filler": "{"x" * PLAN}"}}'""",
        "source_duration_s": "10.0",
        "source_width": "1280",
        "source_height": "720",
        "output_directory": f"'/srv/media/library/' || {name}",
        "outputs": """'{"poster": "poster.jpg", "hls": "stream/master.m3u8"}'""",
        "publish_count": "1",
        **dict.fromkeys(
            ("created_at", "started_at", "finished_at", "settled_at", "deadline_at"), at
        ),
        "touched_at": at,
        "published_at": at,
    }
    numbers = NUMBERS.format(count=count)
    # PostgreSQL wants the WITH before its SELECT, which both take.
    columns, chosen = ", ".join(values), ", ".join(values.values())
    return f"INSERT INTO jobs ({columns}) {numbers} SELECT {chosen} FROM numbers"


def _children(table: str, names: tuple[str, ...], columns: str, values: str) -> str:
    of = len(names)
    rows = ", ".join(
        f"({place}, '{name}', '{name.partition(':')[0]}')" for place, name in enumerate(names)
    )
    # In the order in which they come to be: those of one job lie together.
    return (
        f"WITH of_each(place, name, kind) AS (VALUES {rows}) "
        f"INSERT INTO {table} ({columns}) SELECT {values.format(of=of)} "
        "FROM jobs CROSS JOIN of_each ORDER BY seq, place"
    )
