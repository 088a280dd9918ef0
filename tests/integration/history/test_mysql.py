"""What only MySQL and MariaDB do otherwise, on a given server and on one of the test's own."""

from __future__ import annotations

import os
import threading
import uuid
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import create_engine, event, func, inspect, select, text, update
from sqlalchemy.exc import DataError, OperationalError

from pipeline.errors import ReelworksError, TransientError
from pipeline.history import locks, mysql, pruning, schema
from pipeline.history.database import Database, now, ping
from pipeline.history.errors import DatabaseFull, DatabaseUnreachable
from pipeline.models import Attempt, Base, Job, ScheduleRun, Step
from pipeline.tasks.explain import explain
from tests.faults.servers import MariaDb
from tests.tls import certificates

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from sqlalchemy import URL

GIVEN = os.environ.get("REELWORKS_DATABASE", "")
pytestmark = pytest.mark.skipif(
    not GIVEN.startswith(("mysql", "mariadb")),
    reason="no MySQL or MariaDB was given (REELWORKS_DATABASE=mysql)",
)


class Killed(BaseException):
    """Ends a migration as a signal would."""


@pytest.fixture(scope="module")
def own() -> Iterator[MariaDb]:
    """A server that may be stopped, whose user has the rights that are documented."""
    server = MariaDb()
    try:
        server.start()
        yield server
    finally:
        server.close()


@contextmanager
def another(server_database: URL | None) -> Iterator[Database]:
    """Make an empty database beside the one that tests share."""
    assert server_database is not None
    name = f"reelworks_test_{uuid.uuid4().hex[:12]}"
    engine = create_engine(server_database, isolation_level="AUTOCOMMIT")
    with engine.connect() as server:
        server.execute(text(f"CREATE DATABASE {name} COLLATE latin1_swedish_ci"))
        database = Database(
            server_database.set(database=name).render_as_string(hide_password=False)
        )
        try:
            yield database
        finally:
            database.dispose()
            server.execute(text(f"DROP DATABASE {name}"))
    engine.dispose()


def run(name: str, at: datetime) -> ScheduleRun:
    return ScheduleRun(
        name=name, task="scan", task_id="1", started_at=at, outcome="done", summary=name, facts={}
    )


def test_names_are_compared_byte_by_byte_and_may_have_any_letter(db: Database) -> None:
    names = ["a", "A", "a ", "á", "a\u0301", "😀", "😁", "a\\b", "100%"]
    with db.begin() as session:
        session.add_all(run(name, now(session)) for name in names)
    with db.read() as session:
        assert set(session.scalars(select(ScheduleRun.name))) == set(names)
        for name in names:
            (found,) = session.scalars(select(ScheduleRun).where(ScheduleRun.summary == name))
            assert found.name == name


def test_moments_are_kept_to_the_microsecond_in_utc(db: Database) -> None:
    at = datetime(2026, 3, 29, 2, 30, 0, 123456, tzinfo=UTC)
    with db.begin() as session:
        session.add(run("a", at))
        assert abs((now(session) - datetime.now(UTC)).total_seconds()) < 5
    with db.begin() as session:
        session.execute(text("SET SESSION time_zone = '+05:00'"))
        assert session.scalars(select(ScheduleRun.started_at)).one() == at
        assert abs((now(session) - datetime.now(UTC)).total_seconds()) < 5


def test_long_texts_are_whole_and_what_is_too_long_is_refused(
    db: Database, new_job: Callable[..., Job]
) -> None:
    job, log = new_job(), "😀" * 100_000
    with db.begin() as session:
        step = session.scalars(select(Step).where(Step.job_id == job.id)).first()
        assert step is not None
        at = now(session)
        session.add(Attempt(step_id=step.id, number=1, run=1, owner="x", started_at=at, log=log))
        session.execute(update(Job).values(plan={"z": 1, "a": "\udcff", "words": log}))
    with db.read() as session:
        assert session.scalars(select(Attempt.log)).one() == log
        plan = session.scalars(select(Job.plan)).one()
        assert plan is not None
        assert list(plan.items()) == [("z", 1), ("a", "\udcff"), ("words", log)]
        assert pruning.history_bytes(session) > 800_000
    with pytest.raises(DataError, match="too long"), db.begin() as session:
        session.execute(update(Job).values(profile="x" * 101))


def test_what_others_commit_is_seen_within_a_transaction(
    db: Database, new_job: Callable[..., Job]
) -> None:
    with db.begin() as session:
        count = select(func.count()).select_from(Job)
        assert session.scalar(count) == 0
        new_job()
        assert session.scalar(count) == 1


def test_who_waits_in_a_ring_is_told_of_trouble_that_passes(
    db: Database, new_job: Callable[..., Job]
) -> None:
    one, other = (new_job() for _ in range(2))
    both = threading.Barrier(2)
    problems: list[Exception] = []

    def lock(first: str, second: str) -> None:
        try:
            with db.begin() as session:
                session.get(Job, first, with_for_update=True)
                both.wait(30)
                session.get(Job, second, with_for_update=True)
        except OperationalError as problem:
            problems.append(problem)

    threads = [
        threading.Thread(target=lock, args=ids) for ids in ((one.id, other.id), (other.id, one.id))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (problem,) = problems
    explained = explain(problem)
    assert isinstance(explained, TransientError)
    assert explained.code == "database"
    assert "Deadlock" in explained.message


def test_connections_that_the_server_ended_are_made_anew(db: Database) -> None:
    with db.read() as session:
        number = session.scalar(text("SELECT connection_id()"))
    engine = create_engine(db.url, isolation_level="AUTOCOMMIT")
    with engine.connect() as other:
        other.execute(text(f"KILL {number}"))
    engine.dispose()
    with db.begin() as session:
        assert session.scalar(text("SELECT connection_id()")) != number


def test_a_connection_that_ends_in_the_middle_is_told_as_such(db: Database) -> None:
    def lose() -> None:
        with db.begin() as session, db.engine.connect() as other:
            other.execute(text(f"KILL {session.scalar(text('SELECT connection_id()'))}"))
            session.execute(text("SELECT 1"))

    with pytest.raises(DatabaseUnreachable, match="can't be reached"):
        lose()


def test_a_server_whose_disk_is_full_says_so(db: Database) -> None:
    full = "SIGNAL SQLSTATE 'HY000' SET MYSQL_ERRNO = 1114, MESSAGE_TEXT = 'The table is full'"
    with pytest.raises(DatabaseFull, match="The table is full"), db.begin() as session:
        session.execute(text(full))


def test_a_lock_is_held_by_one_and_is_of_one_database(
    db: Database, server_database: URL | None
) -> None:
    with (
        another(server_database) as elsewhere,
        elsewhere.engine.connect() as third,
        db.engine.connect() as first,
        db.engine.connect() as second,
    ):
        with locks.held(first, 7):
            assert not locks.take(second, 7)
            assert locks.take(second, 8)
            assert locks.take(third, 7)
        assert locks.take(second, 7)


def test_migrations_that_are_killed_after_any_statement_go_on_where_they_were(
    server_database: URL | None,
) -> None:
    with another(server_database) as database:
        kills = _kill_again_and_again(database)
        assert kills > 40
        assert schema.is_current(database)
        with database.engine.connect() as connection:
            found = {column["name"] for column in inspect(connection).get_columns("jobs")}
            assert found == set(Base.metadata.tables["jobs"].columns.keys())
            changes = compare_metadata(MigrationContext.configure(connection), Base.metadata)
            assert [one for one in changes if one[0].startswith("add")] == []
            collations = connection.execute(
                text(
                    "SELECT DISTINCT collation_name FROM information_schema.columns "
                    "WHERE table_schema = database() AND collation_name IS NOT NULL"
                )
            )
            (collation,) = collations.scalars()
            assert collation in ("utf8mb4_nopad_bin", "utf8mb4_0900_bin")


def _kill_again_and_again(database: Database) -> int:
    """Kill the migrations after each statement that was not run before; returns how often."""
    run_before: set[str] = set()

    def kill(_c: Any, _cursor: Any, statement: str, *_: Any) -> None:
        reads = statement.lstrip().upper().startswith(("SELECT", "SHOW"))
        if not reads and statement not in run_before:
            run_before.add(statement)
            raise Killed

    event.listen(database.engine, "after_cursor_execute", kill)
    try:
        for kills in range(500):
            try:
                schema.upgrade(database)
            except Killed:
                continue
            return kills
        raise AssertionError("the migrations never come to an end")
    finally:
        event.remove(database.engine, "after_cursor_execute", kill)


def test_a_table_of_somebody_else_is_not_taken_for_ours(server_database: URL | None) -> None:
    with another(server_database) as database:
        with database.engine.begin() as connection:
            connection.execute(text("CREATE TABLE jobs (theirs INTEGER)"))
        with pytest.raises(OperationalError, match="already exists"):
            schema.upgrade(database)
        with database.engine.connect() as connection:
            (column,) = inspect(connection).get_columns("jobs")
            assert column["name"] == "theirs"


def test_a_server_that_is_too_old_is_refused_with_what_to_use(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    db.dispose()
    monkeypatch.setattr(mysql, "OLDEST", {"MariaDB": (99, 1), "MySQL": (99, 1)})
    with pytest.raises(ReelworksError, match="too old") as caught:
        ping(db)
    assert "99.1 or newer" in caught.value.hint


def test_a_user_with_the_documented_rights_is_enough(own: MariaDb) -> None:
    database = Database(own.address)
    schema.upgrade(database)
    assert schema.is_current(database)
    database.dispose()


def test_a_user_who_may_not_change_the_collation_is_told_what_to_ask_for(own: MariaDb) -> None:
    owner = Database(own.address)
    with owner.engine.begin() as connection:
        connection.execute(text("CREATE DATABASE reelworks_plain COLLATE utf8mb4_general_ci"))
        connection.execute(text("CREATE DATABASE IF NOT EXISTS reelworks"))
    owner.dispose()
    own.tell("GRANT SELECT, INSERT, CREATE ON reelworks_plain.* TO poor@'%' IDENTIFIED BY 'x'")
    address = f"mysql://poor:x@127.0.0.1:{own.port}/reelworks_plain"
    database = Database(address)
    with pytest.raises(ReelworksError, match="byte by byte") as caught:
        schema.upgrade(database)
    assert caught.value.code == "configuration"
    assert "ALTER DATABASE reelworks_plain CHARACTER SET utf8mb4" in caught.value.hint
    database.dispose()


@pytest.mark.parametrize(
    ("user", "name", "said"),
    [
        ("reelworks:hunter2", "reelworks", "Access denied for user 'reelworks'"),
        ("reelworks:p%C3%A4ssword", "reelworks_nowhere", "Unknown database"),
        ("reelworks:p%C3%A4ssword", "mysql", "Access denied"),
    ],
)
def test_who_is_not_let_in_is_told_why_and_never_the_password(
    own: MariaDb, user: str, name: str, said: str
) -> None:
    database = Database(f"mysql://{user}@127.0.0.1:{own.port}/{name}")
    with pytest.raises(DatabaseUnreachable, match=said) as caught:
        ping(database)
    assert "hunter2" not in str(caught.value)
    assert "p%C3" not in str(caught.value)
    database.dispose()


def test_a_server_that_was_away_is_found_again(own: MariaDb) -> None:
    database = Database(own.address)
    ping(database)
    own.kill()
    with pytest.raises(DatabaseUnreachable, match="can't be reached"):
        ping(database)
    own.start()
    ping(database)
    database.dispose()


def test_it_is_reached_by_tls_and_must_prove_who_it_is(tmp_path: Path) -> None:
    made, stranger = certificates(tmp_path / "own"), certificates(tmp_path / "stranger")
    for file in (made.ca, made.certificate, made.key):
        file.chmod(0o644)
    server = MariaDb(f"--ssl-cert={made.certificate}", f"--ssl-key={made.key}")
    try:
        for folder in (tmp_path, *tmp_path.parents[:2]):
            folder.chmod(0o755)
        server.start()
        asked = "ssl_verify_identity=true"
        _look(server, "127.0.0.1", f"{asked}&ssl_ca={made.ca}")
        for host, query in (
            ("127.0.0.1", f"{asked}&ssl_ca={stranger.ca}"),
            ("127.0.0.1", asked),
            ("localhost", f"{asked}&ssl_ca={made.ca}"),
        ):
            with pytest.raises(DatabaseUnreachable, match="certificate"):
                _look(server, host, query)
    finally:
        server.close()


def _look(server: MariaDb, host: str, query: str) -> None:
    database = Database(f"{server.address_at(host, server.port)}?{query}")
    try:
        with database.read() as session:
            row = session.execute(text("SHOW STATUS LIKE 'Ssl_cipher'")).one()
            assert row[1]
    finally:
        database.dispose()


def test_a_server_without_tls_is_not_spoken_to_where_it_is_asked_for(own: MariaDb) -> None:
    database = Database(f"{own.address}?ssl_verify_identity=true")
    with pytest.raises(DatabaseUnreachable, match="SSL"):
        ping(database)
    database.dispose()
