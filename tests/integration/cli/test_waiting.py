"""A job that waits for the hours of heavy work says until when, wherever one looks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from pipeline.history import holding, jobs, lacking
from pipeline.models import JobState

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipeline.app import Runtime
    from pipeline.models import Job
    from tests.integration.cli.conftest import Said


def test_people_are_told_until_when(
    reelworks: Callable[..., Said], ready: Runtime, new_job: Callable[..., Job]
) -> None:
    job = new_job()
    opens = (datetime.now(UTC) + timedelta(hours=3)).replace(microsecond=0)
    with ready.db.begin() as session:
        holding.hold(session, jobs.get(session, job.id, lock=True), opens)
    local = f"{opens.astimezone():%Y-%m-%d %H:%M}"
    assert f"waiting until {local}" in reelworks("jobs").out
    assert f"Its encodes wait until {local}" in reelworks("show", job.id).out
    shown = reelworks("show", job.id, "--json").objects()[0]
    assert shown["waits_until"] == f"{opens:%Y-%m-%dT%H:%M:%SZ}"
    assert f"waiting   1 for their hours, until {local}" in reelworks("status").out
    assert "waits for the hours of heavy work" in reelworks("logs", job.id).out


def test_people_are_told_which_worker_is_missing(
    reelworks: Callable[..., Said], ready: Runtime, new_job: Callable[..., Job]
) -> None:
    made = new_job()
    with ready.db.begin() as session:
        job = jobs.get(session, made.id, lock=True)
        job.tag, job.state = "big-disk", JobState.RUNNING
        lacking.note(session, job, (), ())
    assert "waiting for big-disk" in reelworks("jobs").out
    lacks = "wait for a worker with the tag big-disk: none is there"
    assert f"Its encodes {lacks}." in reelworks("show", made.id).out
    assert reelworks("show", made.id, "--json").objects()[0]["waits_for"] == "big-disk"
    assert (
        "waiting   1 for a worker with the tag big-disk: none is there" in reelworks("status").out
    )


def test_tags_are_for_workers_that_encode(reelworks: Callable[..., Said], ready: Runtime) -> None:
    refused = reelworks("worker", "package", "--tags", "big-disk")
    assert refused.status == 2
    assert "--tags is for workers that encode" in refused.err
