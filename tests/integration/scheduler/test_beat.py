"""Beat sends what is due, alone, and leaves cleanly."""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connections
from sqlalchemy import create_engine, make_url, text

from pipeline.history import locks
from pipeline.scheduler import migrate
from pipeline.scheduler.alone import BEAT_LOCK, NotAlone, right_to_send, stand_by
from pipeline.scheduler.tables import _one_at_a_time
from tests.integration.scheduler.beats import eventually

if TYPE_CHECKING:
    from pipeline.settings.load import Settings
    from tests.integration.scheduler.beats import Beats

EVERY_SECOND = "tick: {task: clean, every: 1s}\n"
STANDS_BY = "another beat sends; this one stands by"


def row(name: str) -> Any:
    from django_celery_beat.models import PeriodicTask

    connections.close_all()
    return PeriodicTask.objects.get(name=name)


def test_beat_sends_what_is_due_to_its_queue_and_remembers_it_when_stopped(beats: Beats) -> None:
    beats.schedule(EVERY_SECOND)
    beat = beats.start()
    message = beats.sends("yaml:tick", more_than=1)[0]
    assert message["headers"]["task"] == "pipeline.clean"
    assert message["headers"]["expires"] is not None
    assert message["properties"]["delivery_info"]["routing_key"] == "ingest"
    began = time.monotonic()
    assert beat.stop() == 0
    assert time.monotonic() - began < 10
    count = len(beats.sent("yaml:tick"))
    assert row("yaml:tick").total_run_count == count
    assert row("yaml:tick").last_run_at is not None


def test_what_ran_is_shown_while_beat_runs(beats: Beats) -> None:
    beats.schedule(EVERY_SECOND)
    beats.start()
    beats.sends("yaml:tick")
    eventually(lambda: row("yaml:tick").total_run_count > 1, "the run to be written down")


def test_only_one_of_two_beats_sends_and_the_other_goes_on_when_it_is_killed(beats: Beats) -> None:
    beats.schedule(EVERY_SECOND)
    first = beats.start()
    beats.sends("yaml:tick")
    second = beats.start()
    second.says(STANDS_BY)
    # What is in the file when the second one takes over counts, not what it was started with.
    beats.schedule("later: {task: clean, every: 1s}\n")
    assert beats.sent("yaml:later") == []
    os.kill(first.process.pid, signal.SIGKILL)
    first.process.wait()
    before = len(beats.sent("yaml:tick"))
    beats.sends("yaml:later")
    assert len(beats.sent("yaml:tick")) == before
    assert second.stop() == 0


def test_a_beat_that_stands_by_can_be_stopped(beats: Beats, settings: Settings) -> None:
    held = right_to_send(settings)
    assert held.take()
    beat = beats.start()
    beat.says(STANDS_BY)
    assert beat.stop() == 0
    held.give_back()


def test_a_beat_that_lost_its_right_ends_and_says_so(beats: Beats, database_address: str) -> None:
    beats.schedule(EVERY_SECOND)
    beat = beats.start()
    beats.sends("yaml:tick")
    _take_away(beats, database_address)
    assert beat.ends() == 3
    assert "Beat no longer knows that it is the only one" in beat.said()


def _take_away(beats: Beats, address: str) -> None:
    if make_url(address).get_backend_name() == "sqlite":
        Path(beats.environ["REELWORKS_STATE"], "beat.lock").unlink()
        return
    engine = create_engine(address, isolation_level="AUTOCOMMIT")
    with engine.connect() as server:
        if server.dialect.name != "postgresql":
            name = text(f"SELECT is_used_lock({locks.NAME})")
            holder = server.execute(name, {"lock": BEAT_LOCK}).scalar_one()
            server.execute(text(f"KILL {holder}"))
            return
        holders = server.execute(
            text(
                "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' "
                "AND objid = :lock AND database = "
                "(SELECT oid FROM pg_database WHERE datname = current_database())"
            ),
            {"lock": BEAT_LOCK},
        )
        assert holders.scalars().all() == [True]
    engine.dispose()


def test_celery_can_run_the_scheduler_itself(beats: Beats) -> None:
    beats.schedule(EVERY_SECOND)
    pidfile = str(beats.config_dir.parent / "beat.pid")
    beat = beats.start(
        *("-m", "celery", "-A", "pipeline.app", "beat"),
        *("-S", "pipeline.scheduler:Scheduler", "--pidfile", pidfile),
    )
    beats.sends("yaml:tick")
    assert beat.stop() == 0


def test_beat_adds_no_rows_of_its_own_where_results_expire_by_themselves(beats: Beats) -> None:
    from django_celery_beat.models import PeriodicTask

    beats.schedule(EVERY_SECOND)
    beats.start()
    beats.sends("yaml:tick")
    names = set(PeriodicTask.objects.values_list("name", flat=True))
    assert names == {"yaml:tick", "system:reconcile", "system:notify"}


def test_a_wrong_schedule_stops_beat_before_it_sends(beats: Beats) -> None:
    beats.schedule("tick: {task: claen, every: 1s}\n")
    beat = beats.start()
    assert beat.ends() == 2
    assert "schedules.yml:1" in beat.said()


def test_a_database_that_does_not_answer_ends_beat_with_3(beats: Beats) -> None:
    beats.environ["REELWORKS_DATABASE"] = "postgresql+psycopg://me:topsecret@127.0.0.1:1/x"
    beat = beats.start()
    assert beat.ends() == 3
    assert "can't be reached" in beat.said()
    assert "topsecret" not in beat.said()


def test_the_right_to_send_is_held_once_and_can_be_given_back(settings: Settings) -> None:
    first, second = right_to_send(settings), right_to_send(settings)
    assert stand_by(first) is False
    first.check()
    assert not second.take()
    first.give_back()
    first.give_back()
    with pytest.raises(NotAlone, match="was given back"):
        first.check()
    assert second.take()
    second.give_back()


def test_a_migration_waits_for_one_that_runs(settings: Settings) -> None:
    done = threading.Event()

    def race() -> None:
        try:
            migrate(settings)
            done.set()
        finally:
            connections.close_all()

    racer = threading.Thread(target=race)
    with _one_at_a_time(settings):
        racer.start()
        assert not done.wait(1.5)
    racer.join(60)
    assert done.is_set()
