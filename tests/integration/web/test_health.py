"""What is told to those that watch over the system."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx

from pipeline.history import schema
from pipeline.history.errors import DatabaseUnreachable
from pipeline.models import JobState

if TYPE_CHECKING:
    import pytest

    from tests.integration.web.site import Site


def figures(client: httpx.Client) -> dict[str, float]:
    lines = client.get("/metrics").text.splitlines()
    pairs = (line.rsplit(" ", 1) for line in lines if line and not line.startswith("#"))
    return {name: float(value) for name, value in pairs}


def test_it_is_alive_and_ready(client: httpx.Client) -> None:
    assert client.get("/healthz").json() == {"status": "ok"}
    assert client.get("/readyz").json() == {"status": "ready"}
    assert client.head("/healthz").status_code == 200


def test_without_its_database_it_is_alive_but_not_ready(
    client: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(_database: object) -> bool:
        raise DatabaseUnreachable("postgresql://db", "connection refused")

    monkeypatch.setattr(schema, "is_current", away)
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["error"]["code"] == "unreachable"
    assert client.get("/healthz").status_code == 200


def test_with_tables_of_another_release_it_is_not_ready(
    client: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schema, "is_current", lambda _database: False)
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["error"]["code"] == "not_migrated"


def test_jobs_steps_and_uploads_are_counted(site: Site, client: httpx.Client) -> None:
    job = site.job("a.mp4")
    site.plan(job.id, "rendition:180p", "rendition:90p")
    site.end(site.job("b.mp4").id, JobState.CANCELLED)
    client.post("/api/v1/uploads", params={"name": "c.mp4"}, content=b"film")
    client.post("/api/v1/uploads", params={"name": "c.txt"}, content=b"text")
    told = figures(client)
    assert told['reelworks_jobs{state="running"}'] == 1
    assert told['reelworks_jobs{state="queued"}'] == 1
    assert told['reelworks_jobs{state="cancelled"}'] == 1
    assert told['reelworks_jobs{state="failed"}'] == 0
    assert told['reelworks_steps{kind="probe",state="done"}'] == 1
    assert told['reelworks_steps{kind="rendition",state="waiting"}'] == 2
    assert told["reelworks_outbox_pending"] == 0
    assert told['reelworks_uploads_total{outcome="accepted"}'] == 1
    assert told['reelworks_uploads_total{outcome="refused_format"}'] == 1
    assert told["reelworks_upload_bytes_total"] == 4
    assert told["process_resident_memory_bytes"] > 0
