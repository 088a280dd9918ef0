"""A broker that is away is waited for, however long."""

from __future__ import annotations

import logging

import pytest
from amqp.exceptions import AccessRefused
from kombu import Connection
from kombu.utils import functional

from pipeline.waiting import until_it_answers


class Enough(Exception):
    """What ends a wait that would never end."""


def test_a_broker_is_waited_for_longer_than_celery_does_and_that_is_said_now_and_then(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    clock, asked = [0.0], []
    monkeypatch.setattr(functional, "sleep", lambda s: clock.__setitem__(0, clock[0] + s))
    monkeypatch.setattr("pipeline.waiting.time.monotonic", lambda: clock[0])

    def meanwhile() -> None:
        asked.append(1)
        if clock[0] > 7200:
            raise Enough

    with caplog.at_level(logging.WARNING), pytest.raises(Enough):
        until_it_answers(Connection("amqp://u:secret@127.0.0.1:1//"), meanwhile)
    assert len(asked) > 7000, "it is asked each second whether it is to go on waiting"
    told = [record.getMessage() for record in caplog.records]
    assert 12 <= len(told) <= 13
    assert "amqp://u:**@127.0.0.1:1// does not answer, and is waited for" in told[0]


class Refuses(Connection):
    """A broker that answers, and lets nobody in for a while."""

    refusals = 3

    def ensure_connection(self, *_args: object, **_options: object) -> Refuses:
        self.refusals -= 1
        if self.refusals >= 0:
            raise AccessRefused("Login was refused using authentication mechanism PLAIN")
        return self


def test_a_broker_that_refuses_is_asked_again_until_it_lets_us_in(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    slept: list[float] = []
    monkeypatch.setattr("pipeline.waiting.time.sleep", slept.append)
    connection = Refuses("amqp://u:secret@127.0.0.1:1//")
    with caplog.at_level(logging.INFO):
        assert until_it_answers(connection, lambda: None) is connection
    assert sum(slept) == 30
    told = [record.getMessage() for record in caplog.records]
    assert len(told) == 2
    assert "amqp://u:**@127.0.0.1:1//" in told[0]
    assert "Login was refused" in told[0]
    assert told[1] == "the broker answers again"
