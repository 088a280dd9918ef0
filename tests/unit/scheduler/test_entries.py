"""An entry of schedules.yml becomes what a row of beat holds."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from celery.schedules import crontab

from pipeline.queues import QUEUES as KNOWN_QUEUES
from pipeline.scheduler.entries import BUILT_INS, QUEUES, Line, line
from pipeline.scheduler.listing import in_words
from pipeline.scheduler.synchronise import CRON_FIELDS
from pipeline.settings.schedules import OWN, ScheduleEntry


def of(**entry: Any) -> Line:
    return line(ScheduleEntry.model_validate(entry))


def test_every_task_has_a_queue_that_workers_serve() -> None:
    assert set(QUEUES) == {*OWN}
    assert set(QUEUES.values()) <= set(KNOWN_QUEUES)


def test_what_always_runs_does_so_every_half_minute() -> None:
    assert {name: (line(entry).task, line(entry).every_s) for name, entry in BUILT_INS.items()} == {
        "reconcile": ("pipeline.reconcile", 30),
        "notify": ("pipeline.notify", 30),
    }


@pytest.mark.parametrize(
    ("entry", "expire_seconds"),
    [
        ({"every": "2m"}, 120),
        ({"every": "2m", "expires": "30s"}, 30),
        ({"cron": "0 2 * * *"}, 3600),
        ({"cron": "0 2 * * *", "expires": "3h"}, 10800),
    ],
)
def test_a_message_expires_when_it_is_too_late_for_it(
    entry: dict[str, Any], expire_seconds: int
) -> None:
    assert of(task="clean", **entry).expire_seconds == expire_seconds


def test_only_a_scan_has_arguments() -> None:
    assert of(task="scan", every="1m", folder="/media/inbox").kwargs == '{"folder": "/media/inbox"}'
    assert of(task="scan", every="1m").kwargs == '{"folder": null}'
    assert of(task="clean", every="1m").kwargs == "{}"


def test_only_cron_has_a_timezone() -> None:
    paris = of(task="clean", cron="0 2 * * *", timezone="Europe/Paris")
    assert (paris.cron, paris.timezone) == (("0", "2", "*", "*", "*"), "Europe/Paris")
    assert of(task="clean", every="1m", timezone="Europe/Paris").timezone is None


@pytest.mark.parametrize(
    "cron",
    [
        "* * * * *",
        "*/5 0-6/2 1,15 * 1-5",
        "0 5 * * 7",
        "0 5 * * 5-7",
        "5,35 23 31 12 0",
        "0 0 29 2 *",
    ],
)
def test_celery_takes_every_cron_line_that_the_configuration_takes(cron: str) -> None:
    fields = of(task="clean", cron=cron).cron
    assert fields is not None
    crontab(**dict(zip(CRON_FIELDS, fields, strict=True)))


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ({"every": "1s"}, "every second"),
        ({"every": "30s"}, "every 30 seconds"),
        ({"every": "1m"}, "every minute"),
        ({"every": "90m"}, "every 1 hour 30 minutes"),
        ({"every": "2d"}, "every 2 days"),
        ({"cron": "30 4 * * *"}, "at 04:30"),
        ({"cron": "0 14 * * 0"}, "at 14:00, only on Sunday"),
        ({"cron": "*/5 * * * *"}, "every 5 minutes"),
    ],
)
def test_when_is_said_in_words(entry: dict[str, Any], words: str) -> None:
    assert in_words(of(task="clean", **entry)) == words


def test_words_do_not_depend_on_the_locale(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("locale.getlocale", lambda *_: ("de_DE", "UTF-8"))
    assert in_words(of(task="clean", cron="0 14 * * 0")) == "at 14:00, only on Sunday"


def test_a_line_without_words_is_shown_as_it_is() -> None:
    odd = dataclasses.replace(of(task="clean", cron="* * * * *"), cron=("x", "y", "z", "*", "*"))
    assert in_words(odd) == "cron x y z * *"
