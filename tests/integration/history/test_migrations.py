"""Tables of every earlier release come up to date with what is in them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Column, MetaData, Table, event, insert, select, update

from pipeline.history import events, known, outbox, schema
from pipeline.history.database import now
from pipeline.history.known import Identity
from pipeline.models import Base, Job, JobState, KnownFile, OutboxRow

if TYPE_CHECKING:
    from pipeline.history.database import Database

IDENTITY = Identity(bytes=10, mtime_ns=20, inode=30)


def test_the_migrations_make_the_tables_the_models_describe(db: Database) -> None:
    with db.read() as session:
        context = MigrationContext.configure(session.connection())
        wanted = compare_metadata(context, Base.metadata)
    ours = [one for one in wanted if one[0] in ("add_table", "add_column", "remove_column")]
    assert ours == []


def test_the_last_migration_is_known_by_its_file_s_name(db: Database) -> None:
    scripts = ScriptDirectory.from_config(schema._config(db))
    assert schema.newest() == scripts.get_current_head()
    assert schema.is_current(db)


def test_tables_of_an_earlier_release_are_not_current(db: Database) -> None:
    command.downgrade(schema._config(db), "-1")
    assert not schema.is_current(db)
    schema.upgrade(db)
    assert schema.is_current(db)


def test_known_files_stay_known_when_profiles_are_told_apart(
    db: Database, new_job: Callable[..., Job]
) -> None:
    path, config = Path("/inbox/clip.mp4"), schema._config(db)
    job = new_job(profile="web")
    with db.begin() as session:
        known.remember(session, path, "web", IDENTITY, job)
    command.downgrade(config, "0001")
    with db.begin() as session:
        (key,) = session.scalars(select(KnownFile.key))
        assert key == hashlib.sha256(str(path).encode()).hexdigest()
    schema.upgrade(db)
    with db.read() as session:
        found = known.job_of(session, path, IDENTITY, "web")
        assert found is not None
        assert found.id == job.id
        assert known.job_of(session, path, IDENTITY, "mobile") is None


def test_a_file_known_under_two_profiles_survives_the_way_back(
    db: Database, new_job: Callable[..., Job]
) -> None:
    path, config = Path("/inbox/clip.mp4"), schema._config(db)
    made = [new_job(profile=profile, fingerprint="f") for profile in ("web", "mobile")]
    with db.begin() as session:
        for job in made:
            known.remember(session, path, "web", IDENTITY, job)
    command.downgrade(config, "0001")
    with db.read() as session:
        assert len(session.scalars(select(KnownFile.key)).all()) == 1
    schema.upgrade(db)
    with db.begin() as session:
        assert len(session.scalars(select(KnownFile.key)).all()) == 1
        session.execute(update(Job).values(settle_owner="me"))


@pytest.mark.parametrize(
    ("facts", "left", "fate"),
    [
        ({"on_success": "delete"}, None, "deleted"),
        ({"on_success": "delete"}, "/inbox/clip.mp4 is gone", "gone"),
        ({"on_success": "delete"}, "/inbox/clip.mp4 is another file now: it stays", "replaced"),
        ({"source_path": "/archive/clip.mp4"}, None, "moved"),
        ({"on_success": "keep"}, None, None),
        ({"on_success": "delete", "settled_at": None}, None, None),
    ],
)
def test_what_became_of_a_source_is_taken_from_what_an_earlier_release_wrote_down(
    db: Database,
    new_job: Callable[..., Job],
    facts: dict[str, Any],
    left: str | None,
    fate: str | None,
) -> None:
    job = new_job()
    with db.begin() as session:
        ended = {"state": JobState.SUCCEEDED, "settled_at": now(session), **facts}
        session.execute(update(Job).values(ended))
        if left:
            events.add(session, job.id, "source_left", left)
    command.downgrade(schema._config(db), "0007")
    schema.upgrade(db)
    with db.read() as session:
        assert session.scalars(select(Job.source_fate)).one() == fate


@pytest.mark.parametrize(
    ("state", "event", "run"),
    [
        (JobState.FAILED, "failed", 3),
        (JobState.SUCCEEDED, "damaged", 3),
        (JobState.RUNNING, "failed", 2),
        (JobState.QUEUED, "damaged", 2),
        (JobState.QUEUED, "waiting", 3),
    ],
)
def test_alerts_of_an_earlier_release_are_of_the_last_run_that_they_can_be_about(
    db: Database, new_job: Callable[..., Job], state: JobState, event: str, run: int
) -> None:
    job = new_job()
    with db.begin() as session:
        outbox.owe(session, job, event, ["team"])
        outbox.owe_message(session, "digest", ["team"], title="a", body="b", kind="info")
        session.execute(update(Job).values(state=state, run=3))
    command.downgrade(schema._config(db), "0010")
    schema.upgrade(db)
    with db.begin() as session:
        rows = session.scalars(select(OutboxRow).order_by(OutboxRow.id))
        assert [(row.event, row.run) for row in rows] == [(event, run), ("digest", 0)]
        outbox.owe(session, session.get_one(Job, job.id), event, ["team"])
        assert len(session.scalars(select(OutboxRow)).all()) == (2 if run == 3 else 3)


def test_of_the_alerts_of_several_runs_the_last_survives_the_way_back(
    db: Database, new_job: Callable[..., Job]
) -> None:
    new_job()
    with db.begin() as session:
        job = session.scalars(select(Job)).one()
        for job.run in (1, 2):
            outbox.owe(session, job, "failed", ["team", "phone"])
        outbox.owe_message(session, "digest", ["team"], title="a", body="b", kind="info")
        told = [row.id for row in session.scalars(select(OutboxRow).order_by(OutboxRow.id))]
    command.downgrade(schema._config(db), "0010")
    with db.read() as session:
        assert list(session.scalars(select(OutboxRow.id).order_by(OutboxRow.id))) == told[2:]
    schema.upgrade(db)


def test_an_earlier_release_can_owe_alerts_while_it_is_replaced(
    db: Database, new_job: Callable[..., Job]
) -> None:
    job = new_job()
    with db.begin() as session:
        at = now(session)
        facts = {"job_id": job.id, "event": "failed", "channel": "team", "attempts": 0}
        named = {name: column for name, column in OutboxRow.__table__.c.items() if name != "run"}
        table = Table("outbox", MetaData(), *(Column(name, c.type) for name, c in named.items()))
        session.execute(insert(table).values(**facts, created_at=at, next_attempt_at=at))
        assert session.scalars(select(OutboxRow.run)).one() == 0


def test_the_keys_of_many_files_are_given_together(
    db: Database, new_job: Callable[..., Job]
) -> None:
    config, many = schema._config(db), 200
    job = new_job(profile="web")
    with db.begin() as session:
        for number in range(many):
            known.remember(session, Path(f"/inbox/{number}.mp4"), "web", IDENTITY, job)
        before = set(session.scalars(select(KnownFile.key)))
    command.downgrade(config, "0001")
    asked: list[str] = []

    def note(*told: Any) -> None:
        asked.append(told[2])

    event.listen(db.engine, "before_cursor_execute", note)
    schema.upgrade(db)
    event.remove(db.engine, "before_cursor_execute", note)
    assert sum("UPDATE known_files" in statement for statement in asked) == 1
    with db.read() as session:
        assert set(session.scalars(select(KnownFile.key))) == before
