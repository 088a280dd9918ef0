"""A job whose streams are encrypted: its key is in no table, and taken from the profile of now."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select

from pipeline.history import events
from pipeline.history.database import now
from pipeline.models import Job, JobState, Step, StepState
from pipeline.tasks.health import check_results
from pipeline.tasks.step import StepFailed
from tests.integration.web import site as sites

if TYPE_CHECKING:
    from collections.abc import Iterator

KEY_ID, KEY = "6f651ae1dbe44434bcb4690d1564c41c", "0123456789abcdef" * 2


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[sites.Site]:
    wanted = {"key_id": KEY_ID, "key": "${env:MEDIA_KEY}"}
    profile = {**sites.PROFILES["web"], "package": ["hls", "dash"], "encryption": wanted}
    monkeypatch.setattr(sites, "PROFILES", {"web": profile})
    monkeypatch.setenv("MEDIA_KEY", KEY)
    yield from sites.make_site(tmp_path, f"sqlite:///{tmp_path}/jobs.db", monkeypatch)


def checked(site: sites.Site, job_id: str) -> str:
    """Check the job's results; gives what its log says of that."""
    with site.ready.db.read() as session:
        asked_at = now(session)
    check_results(job_id, asked_at.isoformat())
    with site.ready.db.read() as session:
        return str(events.since(session, job_id)[-1].message)


def test_the_key_is_neither_stored_nor_published_and_serves_to_check_the_results(
    site: sites.Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.inbox.mkdir()
    view = site.work(sites.clip(site.ready, site.inbox / "it's a \\ clip.mp4", seconds=2))
    assert view.state == JobState.SUCCEEDED
    assert view.outputs is not None
    folder = Path(view.outputs.directory)
    assert "#EXT-X-KEY:" in (folder / "stream/180p.m3u8").read_text()
    assert KEY not in (folder / "job.json").read_text()
    assert not (folder / "mp4").exists()
    said = checked(site, view.id)
    assert said == "its results are whole: 3 decoded"
    with monkeypatch.context() as patched:
        patched.setattr("pipeline.tasks.health.present_key", lambda _plan, _profile: None)
        said = checked(site, view.id)
    assert said == "its results are whole: 0 decoded, 3 encrypted ones not decoded, but there"
    with site.ready.db.read() as session:
        (plan,) = session.scalars(select(Job.plan))
    assert KEY_ID in json.dumps(plan)
    assert KEY.encode() not in (site.folder / "jobs.db").read_bytes()


def test_a_key_that_is_gone_by_then_fails_the_job_in_words(
    site: sites.Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.inbox.mkdir()
    path = sites.clip(site.ready, site.inbox / "clip.mp4", seconds=1)
    monkeypatch.setattr("pipeline.tasks.manifest.present_key", lambda _plan, _profile: None)
    with pytest.raises(StepFailed):
        site.work(path)
    with site.ready.db.read() as session:
        (step,) = session.scalars(select(Step).where(Step.name == "manifest"))
        state, (attempt,) = step.state, step.attempts
    assert state == StepState.FAILED
    assert attempt.error_code == "key_missing"
    assert KEY_ID in (attempt.error_message or "")
