"""A job's progress as it happens: every change once, and an end."""

from __future__ import annotations

import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from pipeline.history.errors import DatabaseUnreachable
from pipeline.models import JobState
from pipeline.web import events, following
from tests.integration.web.site import PATIENCE_S, until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.integration.web.site import Site


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "LOOK_S", 0.05)


def messages(answer: httpx.Response) -> Iterator[dict[str, str]]:
    """Read server-sent events as a browser does."""
    message: dict[str, str] = {}
    for line in answer.iter_lines():
        if line.startswith(":"):
            yield {"comment": line[1:].strip()}
        elif line:
            name, _, value = line.partition(":")
            message[name] = value.strip()
        else:
            if message:
                yield message
            message = {}


def named(answer: httpx.Response) -> Iterator[tuple[str, Any, str]]:
    for message in messages(answer):
        if "event" in message:
            data = message["data"]
            yield message["event"], json.loads(data) if data[0] == "{" else data, message["id"]


def test_every_change_is_told_and_then_the_end(site: Site, client: httpx.Client) -> None:
    job = site.job()
    with client.stream("GET", f"/api/v1/jobs/{job.short_id}/events") as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        told = named(answer)
        assert next(told)[1]["state"] == "queued"
        claim = site.take(job.id, "probe")
        assert next(told)[1]["state"] == "running"
        site.beat(claim, 0.5)
        assert next(told)[1]["steps"][0]["progress"] == 0.5
        site.end(job.id, JobState.CANCELLED)
        *changes, end = list(told)
        assert [(name, data["state"]) for name, data, _ in changes] == [("job", "cancelled")]
        assert end[:2] == ("end", "cancelled")


def test_who_comes_back_hears_only_what_is_new(site: Site, client: httpx.Client) -> None:
    job = site.job()
    address = f"/api/v1/jobs/{job.id}/events"
    with client.stream("GET", address) as answer:
        _, _, mark = next(named(answer))
    with client.stream("GET", address, headers={"Last-Event-ID": mark}) as answer:
        told = named(answer)
        threading.Timer(0.3, site.end, (job.id, JobState.CANCELLED)).start()
        name, data, mark = next(told)
        assert (name, data["state"]) == ("job", "cancelled")
        assert next(told)[0] == "end"
    assert client.get(address, headers={"Last-Event-ID": mark}).status_code == 204


def test_of_an_ended_job_the_state_and_the_end_are_told(site: Site, client: httpx.Client) -> None:
    job = site.job()
    site.end(job.id, JobState.CANCELLED)
    with client.stream("GET", f"/api/v1/jobs/{job.id}/events") as answer:
        assert [name for name, _, _ in named(answer)] == ["job", "end"]


def test_a_silent_stream_shows_that_it_lives(
    site: Site, client: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "PING_S", 0.2)
    with client.stream("GET", f"/api/v1/jobs/{site.job().id}/events") as answer:
        comments = (message["comment"] for message in messages(answer) if "comment" in message)
        assert next(comments) == "following"
        assert next(comments).startswith("ping")


def test_a_job_that_is_run_again_can_be_followed_again(site: Site, client: httpx.Client) -> None:
    job = site.job()
    site.end(job.id, JobState.CANCELLED)
    client.post(f"/api/v1/jobs/{job.id}/retry")
    with client.stream("GET", f"/api/v1/jobs/{job.id}/events") as answer:
        assert next(named(answer))[1]["state"] == "queued"


def test_many_who_listen_cost_one_look_and_hold_nobody_up(
    site: Site, client: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = site.job()
    looks: list[float] = []
    look = following.look

    def counted(*args: Any) -> following.Look:
        looks.append(time.monotonic())
        return look(*args)

    monkeypatch.setattr(following, "look", counted)
    many = 60
    address = client.base_url.join(f"/api/v1/jobs/{job.id}/events")

    def listen(_: int) -> list[str]:
        with httpx.stream("GET", address, timeout=PATIENCE_S) as answer:
            return [data if name == "end" else data["state"] for name, data, _ in named(answer)]

    with ThreadPoolExecutor(many) as pool:
        heard = pool.map(listen, range(many))
        until(lambda: f"reelworks_event_listeners {many}.0" in client.get("/metrics").text)
        looks.clear()
        began = time.monotonic()
        assert client.get("/healthz").status_code == 200
        assert client.get(f"/jobs/{job.id}").status_code == 200
        assert time.monotonic() - began < 2
        time.sleep(0.5)
        assert len(looks) <= 12
        site.end(job.id, JobState.CANCELLED)
        assert list(heard) == [["queued", "cancelled", "cancelled"]] * many
    until(lambda: "reelworks_event_listeners 0.0" in client.get("/metrics").text)


def test_a_database_that_is_away_for_a_moment_ends_no_stream(
    site: Site, client: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = site.job()
    with client.stream("GET", f"/api/v1/jobs/{job.id}/events") as answer:
        told = named(answer)
        next(told)
        away = threading.Event()

        def unreachable(*_: object) -> None:
            away.set()
            raise DatabaseUnreachable("somewhere", "it is being moved")

        with monkeypatch.context() as patch:
            patch.setattr(following, "look", unreachable)
            assert away.wait(PATIENCE_S)
        site.end(job.id, JobState.CANCELLED)
        assert [name for name, _, _ in told] == ["job", "end"]
