"""Jobs of real little clips, whose steps a test does one by one."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from sqlalchemy import select, update

from pipeline.history import jobs, steps
from pipeline.history.database import now
from pipeline.history.steps import Claim
from pipeline.ingest.fingerprint import fingerprint
from pipeline.models import Attempt, Job, Step, StepKind
from pipeline.tasks.manifest import manifest
from pipeline.tasks.probe import probe
from pipeline.tasks.rendition import rendition
from pipeline.tasks.thumbnail import thumbnail
from tests.media import make_clip

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import timedelta
    from pathlib import Path

    import pytest
    from sqlalchemy.orm import Session

    from pipeline.app import Runtime


def submitted(path: Path, new_job: Callable[..., Job], **wishes: Any) -> Job:
    """Make a clip, and the job of it as `submit` would; nothing is published."""
    make_clip(path, seconds=1, size="320x240")
    stat = path.stat()
    facts: dict[str, Any] = {
        "source_path": str(path),
        "source_bytes": stat.st_size,
        "source_mtime_ns": stat.st_mtime_ns,
        "fingerprint": fingerprint(path),
        "profile": "quick",
    }
    return new_job(**{**facts, **wishes})


def do(ready: Runtime, job: Job, kind: str) -> Any:
    """Do a step in this process, with its retries at once; what it raised in the end is raised."""
    if kind != "rendition":
        task: Any = {"probe": probe, "thumbnail": thumbnail, "manifest": manifest}[kind]
        return task.apply((job.id,)).get()
    return rendition.apply((job.id, "all", renditions(ready, job))).get()


def renditions(ready: Runtime, job: Job) -> list[str]:
    """Name the rendition steps that were planned."""
    return [step.name for step in rows(ready, job) if step.kind is StepKind.RENDITION]


def rows(ready: Runtime, job: Job) -> list[Step]:
    with ready.db.read() as session:
        return list(jobs.get(session, job.id).steps)


def row(ready: Runtime, job: Job, name: str) -> Step:
    return next(step for step in rows(ready, job) if step.name == name)


def attempts(ready: Runtime, job: Job, name: str) -> list[tuple[str | None, str | None]]:
    """List how each attempt at a step ended: outcome and code."""
    with ready.db.read() as session:
        query = (
            select(Attempt.outcome, Attempt.error_code)
            .join(Step)
            .where(Step.job_id == job.id, Step.name == name)
            .order_by(Attempt.number)
        )
        return [(outcome, code) for outcome, code in session.execute(query)]


def allow_attempts(ready: Runtime, monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    """Set `limits.attempts` for the rest of the test."""
    pipeline = ready.settings.pipeline
    limits = pipeline.limits.model_copy(update={"attempts": count})
    changed = replace(ready.settings, pipeline=pipeline.model_copy(update={"limits": limits}))
    monkeypatch.setitem(ready.__dict__, "settings", changed)


def task(name: str = "t") -> Any:
    return SimpleNamespace(request=SimpleNamespace(hostname="encode@a", id=name))


def state(ready: Runtime, job: Job) -> tuple[str, str | None]:
    with ready.db.read() as session:
        view = jobs.view(session, job.id)
    return view.state, view.error.code if view.error else None


def script(path: Path, *lines: str) -> Path:
    path.write_text("\n".join(["#!/bin/sh", *lines]) + "\n")
    path.chmod(0o755)
    return path


def published(ready: Runtime, job: Job) -> None:
    with ready.db.begin() as session:
        jobs.mark_published(session, job.id)


def age(ready: Runtime, job: Job, by: timedelta) -> None:
    with ready.db.begin() as session:
        then = now(session) - by
        session.execute(
            update(Job)
            .where(Job.id == job.id)
            .values(touched_at=then, created_at=then, published_at=then)
        )


def claimed_in(session: Session, job: Job) -> Claim:
    """Claim the job's probe, as its worker would."""
    claimed = steps.claim(session, job.id, ["probe"], owner="n/t", limit=3)
    assert isinstance(claimed, Claim)
    return claimed
