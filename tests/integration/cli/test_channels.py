"""Addresses that Apprise can't use are found before an alert is lost; owed alerts are counted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import yaml

from pipeline.history import jobs
from pipeline.models import JobState
from tests.integration.scheduler.conftest import point_django_at

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipeline.app import Runtime
    from pipeline.models import Job
    from tests.integration.cli.conftest import Said


def write(ready: Runtime, url: str) -> str:
    folder = ready.settings.config_dir
    channels = {"channels": {"team": {"url": url, "on": ["failed"]}}}
    (folder / "notifications.yml").write_text(yaml.safe_dump(channels))
    return str(folder)


def test_the_check_names_the_line_of_an_address_of_no_service(
    reelworks: Callable[..., Said], ready: Runtime
) -> None:
    folder = write(ready, "htps://user:hidden@example.org/")
    said = reelworks("config", "check", "--config", folder)
    assert said.status == 2
    assert "notifications.yml:" in said.err
    assert "channels.team.url: its address is of no kind that Apprise knows" in said.err
    assert "hidden" not in said.err
    (told,) = reelworks("config", "check", "--json", "--config", folder).objects()
    assert told["key"] == "channels.team.url"
    assert isinstance(told["line"], int)


@pytest.mark.parametrize(
    ("url", "hint"),
    [
        ("jsn://hidden@example.org/", "hint: Did you mean json://? https://appriseit.com"),
        ("slak://hidden", "hint: Did you mean slack://? https://appriseit.com"),
        ("https://hidden.example.org/", "hint: For a web hook that takes JSON write json://"),
        ("htps://hidden.example.org/", "hint: https://appriseit.com"),
        ("slack://hidden", "hint: https://appriseit.com"),
    ],
)
def test_the_kind_of_address_that_was_meant_is_guessed(
    reelworks: Callable[..., Said], ready: Runtime, url: str, hint: str
) -> None:
    said = reelworks("config", "check", "--config", write(ready, url))
    assert said.status == 2
    assert hint in said.err
    assert "hidden" not in said.err


def test_an_address_that_can_be_used_is_right(
    reelworks: Callable[..., Said], ready: Runtime
) -> None:
    folder = write(ready, "json://127.0.0.1:1/")
    assert reelworks("config", "check", "--config", folder).status == 0


def test_the_doctor_finds_wrong_addresses_and_owed_alerts(
    reelworks: Callable[..., Said], ready: Runtime, new_job: Callable[..., Job]
) -> None:
    job = new_job()
    with ready.db.begin() as session:
        jobs.end(session, job.id, JobState.FAILED, channels=["team"])
    folder = write(ready, "htps://example.org/")
    found = {
        finding["check"]: finding
        for finding in reelworks("doctor", "--json", "--config", folder).objects()
    }
    assert found["channels"]["state"] == "failed"
    assert (found["alerts"]["state"], found["alerts"]["detail"]) == (
        "warning",
        "1 not delivered yet",
    )


def test_a_test_of_the_channels_tells_programs_each_outcome(
    reelworks: Callable[..., Said], ready: Runtime
) -> None:
    folder = write(ready, "json://127.0.0.1:1/")
    said = reelworks("notify", "test", "--json", "--config", folder)
    (told,) = said.objects()
    assert said.status == 1
    assert (told["channel"], told["delivered"]) == ("team", False)


def test_schedules_are_listed_as_json_with_and_without_the_verb(
    ready: Runtime, reelworks: Callable[..., Said]
) -> None:
    point_django_at(ready.settings)  # another test may have set it up on its own database
    listed = reelworks("schedules", "list", "--json")
    assert listed.objects()
    assert reelworks("schedules", "--json").objects() == listed.objects()
