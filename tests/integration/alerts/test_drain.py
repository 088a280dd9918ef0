"""The outbox delivers every alert once, whatever its channels do."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
import threading
import time
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select, update

from pipeline.alerts import outbox as draining
from pipeline.alerts.outbox import MOST_ATTEMPTS, DrainReport, Process, drain
from pipeline.alerts.send import DeliveryFailed
from pipeline.history import outbox
from pipeline.history.database import Database, now
from pipeline.models import OutboxRow
from pipeline.tasks.owner import is_dead, process
from tests.integration.alerts.owed import NewJob, fail, fail_again, log, make_due, rows, told

if TYPE_CHECKING:
    from tests.integration.alerts.receiver import Receiver


def test_an_alert_is_delivered_once_and_noted_in_the_jobs_log(
    db: Database, new_job: NewJob, inbox: Receiver
) -> None:
    job_id = fail(db, new_job, "team")
    settings = told(team=inbox.url())
    assert drain(db, settings) == DrainReport(sent=1)
    assert drain(db, settings) == DrainReport()
    assert [alert["title"] for alert in inbox.alerts] == ["clip.mp4 failed"]
    assert "It is a text.\nGive a video." in inbox.alerts[0]["message"]
    assert rows(db)[0].sent_at is not None
    assert log(db, job_id)[-1] == "told team that it failed"


def test_an_empty_outbox_is_left_at_once(db: Database, inbox: Receiver) -> None:
    assert drain(db, told(team=inbox.url())) == DrainReport()
    assert inbox.asked == 0


@pytest.mark.parametrize("mood", ["500", "hang", "drip", "drop"])
def test_a_failed_delivery_is_made_later_exactly_once(
    db: Database, new_job: NewJob, inbox: Receiver, impatient: None, mood: str
) -> None:
    fail(db, new_job, "team")
    settings = told(team=inbox.url())
    inbox.mood = mood
    assert drain(db, settings) == DrainReport(put_off=1)
    (row,) = rows(db)
    assert (row.attempts, row.sent_at, row.closed_at) == (1, None, None)
    assert "did not take the message" in (row.error or "")
    assert drain(db, settings) == DrainReport()
    inbox.mood = "taken"
    make_due(db)
    assert drain(db, settings) == DrainReport(sent=1)
    make_due(db)
    assert drain(db, settings) == DrainReport()
    assert len(inbox.alerts) == 1
    assert rows(db)[0].error is None


def test_a_channel_that_is_gone_for_a_while_hears_of_it_later(
    db: Database, new_job: NewJob, inbox: Receiver
) -> None:
    fail(db, new_job, "team")
    assert drain(db, told(team="json://127.0.0.1:1/")) == DrainReport(put_off=1)
    make_due(db)
    assert drain(db, told(team=inbox.url())) == DrainReport(sent=1)
    assert len(inbox.alerts) == 1


def test_the_next_try_waits_longer_each_time(
    db: Database, new_job: NewJob, inbox: Receiver
) -> None:
    fail(db, new_job, "team")
    inbox.mood = "500"
    waits = []
    for _ in range(4):
        make_due(db)
        drain(db, told(team=inbox.url()))
        with db.read() as session:
            waits.append((rows(db)[0].next_attempt_at - now(session)).total_seconds())
    assert waits == sorted(waits)
    assert waits[0] > 10


def test_an_alert_that_never_arrives_is_given_up_with_its_reason(
    db: Database, new_job: NewJob, inbox: Receiver
) -> None:
    job_id = fail(db, new_job, "team")
    inbox.mood = "500"
    settings = told(team=inbox.url())
    for _ in range(MOST_ATTEMPTS - 1):
        make_due(db)
        assert drain(db, settings) == DrainReport(put_off=1)
    make_due(db)
    assert drain(db, settings) == DrainReport(given_up=1)
    (row,) = rows(db)
    assert (row.attempts, row.sent_at) == (8, None)
    assert row.closed_at is not None
    assert "HTTP status 500" in (row.error or "")
    assert log(db, job_id)[-1].startswith("team was not told: The channel 'team'")
    make_due(db)
    assert drain(db, settings) == DrainReport()
    assert inbox.asked == MOST_ATTEMPTS


def test_alerts_to_a_channel_that_was_removed_are_closed_with_the_reason(
    db: Database, new_job: NewJob, inbox: Receiver
) -> None:
    job_id = fail(db, new_job, "former", "team")
    assert drain(db, told(team=inbox.url())) == DrainReport(sent=1, given_up=1)
    former = rows(db)[0]
    assert former.closed_at is not None
    assert former.error == "the channel is no longer in notifications.yml"
    assert "former was not told: the channel is no longer in notifications.yml" in log(db, job_id)


def sent_to(db: Database, channel: str) -> int:
    with db.read() as session:
        rows = session.scalars(select(OutboxRow).where(OutboxRow.channel == channel))
        return sum(row.sent_at is not None for row in rows)


def test_a_channel_that_hangs_holds_up_no_other(
    db: Database, new_job: NewJob, inbox: Receiver, other_inbox: Receiver
) -> None:
    for number in range(5):
        fail(db, new_job, "stuck", "team", name=f"{number}.mp4")
    inbox.mood = "hang"
    settings = told(stuck=inbox.url(), team=other_inbox.url())
    first = threading.Thread(target=drain, args=(db, settings))
    began = time.monotonic()
    first.start()
    while sent_to(db, "team") < 5:
        assert time.monotonic() - began < 8
        time.sleep(0.02)
    time.sleep(0.2)  # until the first drain has let go of the channel
    # A drain that starts meanwhile does not queue up behind the one that hangs.
    fail(db, new_job, "stuck", "team", name="late.mp4")
    assert drain(db, settings) == DrainReport(sent=1)
    assert inbox.asked == 1
    inbox.released.set()
    first.join(30)
    assert not first.is_alive()


def test_a_long_queue_for_a_broken_channel_hides_no_other(
    db: Database, new_job: NewJob, inbox: Receiver
) -> None:
    for number in range(3):
        fail(db, new_job, "broken", name=f"{number}.mp4")
    fail(db, new_job, "team")
    settings = told(broken="json://127.0.0.1:1/", team=inbox.url())
    assert drain(db, settings, limit=1) == DrainReport(sent=1, put_off=1)


def test_a_channel_that_fails_is_left_alone_until_the_next_drain(
    db: Database, new_job: NewJob, inbox: Receiver
) -> None:
    for number in range(3):
        fail(db, new_job, "team", name=f"{number}.mp4")
    inbox.mood = "500"
    assert drain(db, told(team=inbox.url())) == DrainReport(put_off=1)
    assert inbox.asked == 1
    inbox.mood = "taken"
    assert drain(db, told(team=inbox.url())) == DrainReport(sent=2)


def test_no_more_than_the_limit_goes_to_a_channel_at_once(
    db: Database, new_job: NewJob, inbox: Receiver
) -> None:
    for number in range(3):
        fail(db, new_job, "team", name=f"{number}.mp4")
    settings = told(team=inbox.url())
    assert drain(db, settings, limit=2) == DrainReport(sent=2)
    assert drain(db, settings, limit=2) == DrainReport(sent=1)
    assert [alert["title"][0] for alert in inbox.alerts] == ["0", "1", "2"]


def test_a_slow_channel_gives_way_when_it_has_had_its_time(
    db: Database, new_job: NewJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3):
        fail(db, new_job, "team", name=f"{number}.mp4")
    monkeypatch.setattr(draining, "BUDGET_S", 0.05)
    slow = told(team="json://unused")
    assert drain(db, slow, sender=lambda *_: time.sleep(0.1)) == DrainReport(sent=1)


def test_what_another_process_is_sending_is_not_sent_until_its_lease_lapses(
    db: Database, new_job: NewJob, inbox: Receiver
) -> None:
    fail(db, new_job, "team")
    with db.begin() as session:
        assert outbox.claim(session, rows(db)[0].id, "elsewhere")
    settings = told(team=inbox.url())
    assert drain(db, settings) == DrainReport()
    with db.begin() as session:
        lapsed = now(session) - timedelta(seconds=1)
        session.execute(update(OutboxRow).values(lease_until=lapsed))
    assert drain(db, settings) == DrainReport(sent=1)
    assert len(inbox.alerts) == 1


def test_what_a_killed_process_was_sending_is_sent_at_once_and_that_of_a_living_one_is_not(
    db: Database, new_job: NewJob, inbox: Receiver
) -> None:
    mine = f"host/{process()}/1"
    dead = subprocess.Popen([sys.executable, "-c", "pass"])
    place, _, started = process().split(".")
    theirs = f"host/{place}.{dead.pid}.{int(started) + 1}/1"
    dead.wait()
    for name, owner in (("lives.mp4", mine), ("died.mp4", theirs)):
        fail(db, new_job, "team", name=name)
        with db.begin() as session:
            assert outbox.claim(session, rows(db)[-1].id, owner)
    with_looks = Process(process(), is_dead)
    assert drain(db, told(team=inbox.url()), process=with_looks) == DrainReport(sent=1)
    assert [alert["title"] for alert in inbox.alerts] == ["died.mp4 failed"]


def test_each_run_that_fails_is_told_once_though_who_tells_is_killed(
    db: Database, new_job: NewJob, inbox: Receiver
) -> None:
    settings = told(team=inbox.url())
    job_id = fail(db, new_job, "team")
    assert drain(db, settings) == DrainReport(sent=1)
    fail_again(db, job_id, "team")
    with db.begin() as session:
        assert outbox.claim(session, rows(db)[-1].id, "killed")
    fail_again(db, job_id, "team")
    gone = Process(process(), lambda owner: owner == "killed")
    assert drain(db, settings, process=gone) == DrainReport(sent=2)
    assert drain(db, settings, process=gone) == DrainReport()
    assert len(inbox.alerts) == 3
    assert [(row.run, row.event) for row in rows(db)] == [(run, "failed") for run in (1, 2, 3)]


def test_what_was_owed_before_the_clock_was_set_back_is_sent_at_once(
    db: Database, new_job: NewJob, inbox: Receiver
) -> None:
    fail(db, new_job, "team", name="owed.mp4")
    fail(db, new_job, "team", name="held.mp4")
    with db.begin() as session:
        later = now(session) + timedelta(hours=1)
        session.execute(update(OutboxRow).values(created_at=later, next_attempt_at=later))
        assert outbox.claim(session, rows(db)[1].id, "dead")
        assert not outbox.claim(session, rows(db)[1].id, "another")
        held = update(OutboxRow).where(OutboxRow.owner == "dead")
        session.execute(held.values(lease_until=later))
    assert drain(db, told(team=inbox.url())) == DrainReport(sent=2)


def test_of_many_drains_at_once_each_alert_is_sent_by_one(
    db: Database, new_job: NewJob, inbox: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(6):
        fail(db, new_job, "team", name=f"{number}.mp4")
    # As if each were in a process of its own: only the claims keep them apart.
    monkeypatch.setattr(draining, "_lines", _NoLines())
    settings = told(team=inbox.url())
    reports: list[DrainReport] = []
    racers = [
        threading.Thread(target=lambda: reports.append(drain(db, settings))) for _ in range(4)
    ]
    for racer in racers:
        racer.start()
    for racer in racers:
        racer.join()
    assert sum(report.sent for report in reports) == 6
    assert sorted(alert["title"] for alert in inbox.alerts) == [
        f"{number}.mp4 failed" for number in range(6)
    ]


class _NoLines:
    def __getitem__(self, _channel: str) -> threading.Lock:
        return threading.Lock()


def test_a_sender_that_dies_leaves_the_alert_to_another(
    db: Database, new_job: NewJob, inbox: Receiver
) -> None:
    class Killed(BaseException):
        pass

    def die(*_: object) -> None:
        raise Killed

    fail(db, new_job, "team")
    settings = told(team=inbox.url())
    with pytest.raises(Killed):
        drain(db, settings, sender=die)
    assert drain(db, settings) == DrainReport()
    with db.begin() as session:
        lapsed = now(session) - timedelta(seconds=1)
        session.execute(update(OutboxRow).values(lease_until=lapsed))
    assert drain(db, settings) == DrainReport(sent=1)


def test_a_wrong_address_is_tried_again_once_it_is_mended(
    db: Database, new_job: NewJob, inbox: Receiver
) -> None:
    fail(db, new_job, "team")
    assert drain(db, told(team="slack://wrong")) == DrainReport(put_off=1)
    assert "not a complete slack:// address" in (rows(db)[0].error or "")
    make_due(db)
    assert drain(db, told(team=inbox.url())) == DrainReport(sent=1)


def test_what_is_recorded_of_a_failure_holds_no_secret(db: Database, new_job: NewJob) -> None:
    job_id = fail(db, new_job, "team")
    settings = told(team="json://me:hunter2@127.0.0.1:1/T0KEN?x=querysecret")
    make_due(db, attempts=MOST_ATTEMPTS - 1)
    assert drain(db, settings) == DrainReport(given_up=1)
    said = " ".join([rows(db)[0].error or "", *log(db, job_id)])
    assert not any(secret in said for secret in ("hunter2", "T0KEN", "querysecret"))


def test_a_failure_of_one_alert_is_that_alerts_own(db: Database, new_job: NewJob) -> None:
    job_id = fail(db, new_job, "team", "phone")

    def picky(name: str, *_: object) -> None:
        if name == "team":
            raise DeliveryFailed(name, "it is closed")

    settings = told(team="json://unused", phone="json://unused")
    assert drain(db, settings, sender=picky) == DrainReport(sent=1, put_off=1)
    # Channels are spoken to side by side: which is told first is left to chance.
    assert "told phone that it failed" in log(db, job_id)[-2:]
    assert dataclasses.asdict(DrainReport(sent=1)) == {"sent": 1, "put_off": 0, "given_up": 0}


def test_an_error_that_nobody_foresaw_counts_as_a_failed_try_and_tells_no_secret(
    db: Database, new_job: NewJob
) -> None:
    job_id = fail(db, new_job, "team")

    def broken(*_: object) -> None:
        raise RuntimeError("json://token@host")

    assert drain(db, told(team="json://unused"), sender=broken) == DrainReport(put_off=1)
    assert rows(db)[0].error == "sending broke off with RuntimeError"
    make_due(db, attempts=MOST_ATTEMPTS - 1)
    assert drain(db, told(team="json://unused"), sender=broken) == DrainReport(given_up=1)
    assert "token" not in " ".join(log(db, job_id))


@pytest.mark.parametrize("attempts", [0, MOST_ATTEMPTS - 1])
def test_a_sender_whose_row_went_to_another_writes_nothing_when_it_fails(
    db: Database, new_job: NewJob, attempts: int
) -> None:
    job_id = fail(db, new_job, "team")
    make_due(db, attempts=attempts)

    def overtaken(*_: object) -> None:
        with db.begin() as session:
            lapsed = now(session) - timedelta(seconds=1)
            session.execute(update(OutboxRow).values(lease_until=lapsed))
        with db.begin() as session:
            assert outbox.claim(session, rows(db)[0].id, "elsewhere")
        raise DeliveryFailed("team", "too late")

    assert drain(db, told(team="json://unused"), sender=overtaken) == DrainReport()
    row = rows(db)[0]
    assert (row.owner, row.error, row.closed_at) == ("elsewhere", None, None)
    assert row.lease_until is not None
    assert not [line for line in log(db, job_id) if "was not told" in line]
