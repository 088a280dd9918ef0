"""A database that is full, or away: an alert is told once, though that can't be written down."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pipeline.alerts.outbox import DrainReport, drain
from pipeline.history import patience
from pipeline.history.database import Database
from pipeline.history.errors import DatabaseFull, DatabaseUnreachable
from tests.integration.alerts.owed import fail, rows, told

if TYPE_CHECKING:
    from pipeline.errors import ReelworksError
    from tests.integration.alerts.owed import NewJob


@pytest.mark.parametrize(
    "trouble",
    [
        DatabaseFull.on_disk(Path("/state"), 16_777_216, 4096),
        DatabaseUnreachable("there", "connection refused"),
    ],
    ids=["full", "away"],
)
def test_an_alert_is_told_once_though_the_database_can_not_be_told_of_it(
    db: Database, new_job: NewJob, monkeypatch: pytest.MonkeyPatch, trouble: ReelworksError
) -> None:
    fail(db, new_job, "team")
    begin = Database.begin
    heard: list[str] = []
    refused: list[int] = []

    def full_afterwards(database: Database, **how: bool) -> Any:
        if heard and len(refused) < 2:
            refused.append(1)
            raise trouble
        return begin(database, **how)

    monkeypatch.setattr(patience, "LOOK_S", 0.1)
    monkeypatch.setattr(Database, "begin", full_afterwards)
    settings = told(team="json://localhost")
    done = drain(db, settings, sender=lambda _name, _channel, message: heard.append(message.title))
    assert done == DrainReport(sent=1)
    assert drain(db, settings) == DrainReport()
    assert heard == ["clip.mp4 failed"]
    assert len(refused) == 2


def test_nothing_is_sent_right_after_the_disk_was_full(
    db: Database, new_job: NewJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    fail(db, new_job, "team")
    monkeypatch.setattr(Database, "was_full_lately", lambda _: True)
    assert drain(db, told(team="json://127.0.0.1:1/")) == DrainReport()
    assert rows(db)[0].attempts == 0
