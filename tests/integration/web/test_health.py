"""What is told to those that watch over the system."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import httpx

from pipeline.history import schema
from pipeline.history.database import Database
from pipeline.history.errors import DatabaseFull, DatabaseUnreachable
from pipeline.models import JobState
from tests.integration.scheduler.conftest import point_django_at

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


def test_over_a_full_disk_it_is_not_ready_and_every_page_says_what_is_needed(
    site: Site, client: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    point_django_at(site.ready.settings)  # another test may have set it up on its own database
    full = DatabaseFull.on_disk(Path("/state"), 16_777_216, 4096)
    monkeypatch.setattr(Database, "lacks_room", lambda *_: full)
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["error"]["code"] == "no_space"
    said = "The database needs about 16,777,216 bytes in /state, and 4,096 bytes are free."
    assert answer.json()["error"]["message"] == said
    for page in ("/", "/schedules", "/nowhere"):
        assert said in client.get(page, headers={"accept": "text/html"}).text


def test_what_is_to_be_written_is_refused_over_a_full_disk(
    site: Site, client: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    job_id = site.job().id
    full = DatabaseFull.on_disk(Path("/state"), 16_777_216, 4096)
    monkeypatch.setattr(Database, "lacks_room", lambda *_: full)
    answer = client.post(f"/api/v1/jobs/{job_id}/cancel")
    assert answer.status_code == 507
    assert answer.json()["error"]["code"] == "no_space"


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
