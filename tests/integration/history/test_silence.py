"""Who holds a lock on a server and says nothing more does not keep it for long."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import make_url, text

from pipeline.history import events, locks, postgres
from pipeline.history.database import Database, server_engine
from pipeline.history.errors import DatabaseUnreachable
from pipeline.history.waits import CONNECT_S, LOCK_WAIT_S, SILENT_S
from pipeline.models import Job

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sqlalchemy.orm import Session

LOCK = 0x5245_4654


@pytest.fixture
def server(db: Database, monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
    """The test's database as another one sees it, who waits a second where we would wait longer."""
    for kind in ("postgres", "mysql"):
        monkeypatch.setattr(f"pipeline.history.{kind}.SILENT_S", 1)
        monkeypatch.setattr(f"pipeline.history.{kind}.LOCK_WAIT_S", 1)
    other = Database(db.url.render_as_string(hide_password=False))
    yield other
    other.dispose()


def locked(session: Session, job: Job) -> Job | None:
    return session.get(Job, job.id, with_for_update=True)


def test_a_transaction_that_says_nothing_is_ended_and_its_locks_go(
    server: Database, db: Database, new_job: Callable[..., Job]
) -> None:
    if not ends_the_silent(db):
        return
    job = new_job()

    def hold() -> None:
        with server.begin() as session:
            locked(session, job)
            with db.begin() as other:
                assert locked(other, job)

    with pytest.raises(DatabaseUnreachable):
        hold()


def ends_the_silent(db: Database) -> bool:
    """SQLite has no sessions that could be silent, MySQL no limit to silence."""
    kind = db.url.get_backend_name()
    return kind == "postgresql" or getattr(db.engine.dialect, "is_mariadb", False)


def test_what_waited_too_long_for_a_lock_is_done_again(
    server: Database, db: Database, new_job: Callable[..., Job]
) -> None:
    if db.url.get_backend_name() == "sqlite":
        return  # its lock is of the whole file, and told of in tests of its own
    job, tries = new_job(), list[int]()
    freed, waited = threading.Event(), threading.Event()

    def hold() -> None:
        with db.begin() as session:
            locked(session, job)
            waited.set()
            assert freed.wait(30)

    def act(session: Session) -> None:
        tries.append(1)
        if len(tries) == 3:
            freed.set()
        locked(session, job)
        events.add(session, job.id, "told", "it is done")

    holding = threading.Thread(target=hold)
    holding.start()
    assert waited.wait(30)
    server.write(act)
    holding.join()
    with db.read() as session:
        assert [one.kind for one in events.since(session, job.id)].count("told") == 1
    assert len(tries) >= 3


def test_a_lock_by_number_is_waited_for_longer_than_for_a_row(
    server: Database, db: Database
) -> None:
    if db.url.get_backend_name() == "sqlite":
        return  # it has none
    with db.engine.connect() as first:
        assert locks.take(first, LOCK)
        freeing = threading.Timer(2.5, locks.give_back, (first, LOCK))
        freeing.start()
        outside = server.engine.execution_options(isolation_level="AUTOCOMMIT")
        with outside.connect() as second, locks.held(second, LOCK):
            freeing.join()
            assert not locks.take(first, LOCK)


def test_postgresql_is_told_how_long_silence_and_waiting_may_last(db: Database) -> None:
    if db.url.get_backend_name() != "postgresql":
        return
    asked = ("idle_in_transaction_session_timeout", "lock_timeout", "tcp_keepalives_idle")
    longer = db.url.update_query_dict({"options": "-c lock_timeout=90s"})
    engine = server_engine(longer)
    with engine.connect() as connection:
        said = [connection.execute(text(f"SHOW {name}")).scalar_one() for name in asked]
    engine.dispose()
    assert SILENT_S == 60
    assert said == ["1min", "90s", "10"]


def test_what_the_address_says_counts_more_than_what_we_would_say() -> None:
    plain = postgres.told(make_url("postgresql://host/name"))
    assert plain["connect_timeout"] == str(CONNECT_S)
    assert f"-c lock_timeout={LOCK_WAIT_S}s" in plain["options"]
    told = postgres.told(
        make_url("postgresql://host/name?keepalives_idle=90&options=-c%20lock_timeout%3D5s"),
        {"keepalives_count": 2},
    )
    assert (told["keepalives_idle"], told["keepalives_count"]) == ("90", 2)
    assert told["options"].endswith("-c lock_timeout=5s")
