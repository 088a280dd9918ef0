"""A full disk: a step waits for room, says how many bytes it needs, and goes on by itself."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Any

import pytest

from pipeline.history import jobs
from pipeline.tasks import step
from pipeline.tasks.backoff import room_wait_s
from pipeline.tasks.room import Room
from pipeline.tasks.step import StepFailed
from tests.integration.tasks.journeys import attempts, do, renditions, row, state, submitted

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pipeline.app import Runtime
    from pipeline.models import Job

pytestmark = pytest.mark.usefixtures("sent")


def full_for(monkeypatch: pytest.MonkeyPatch, looks: int) -> None:
    """Let the disk be full for so many looks at it."""
    left = [looks * 2]  # a look that finds too little looks again to say how little

    def free(_: Room) -> int:
        left[0] -= 1
        return 4096 if left[0] >= 0 else 10**12

    monkeypatch.setattr(Room, "free", property(free))


@pytest.mark.parametrize("kind", ["thumbnail", "rendition", "manifest"])
def test_a_step_waits_for_room_however_often_and_then_goes_on(
    ready: Runtime,
    new_job: Callable[..., Job],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
) -> None:
    job = submitted(tmp_path / "a.mp4", new_job)
    order = ["probe", "thumbnail", "rendition", "manifest"]
    for earlier in order[: order.index(kind)]:
        do(ready, job, earlier)
    full_for(monkeypatch, 5)
    assert do(ready, job, kind) == "done"
    name = renditions(ready, job)[0] if kind == "rendition" else kind
    assert attempts(ready, job, name) == [("retried", "no_space")] * 5 + [("done", None)]
    assert row(ready, job, name).tries == 1


def test_it_is_told_how_many_bytes_are_needed_and_where(
    ready: Runtime, new_job: Callable[..., Job], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = submitted(tmp_path / "a.mp4", new_job)
    do(ready, job, "probe")
    do(ready, job, "thumbnail")
    full_for(monkeypatch, 1)
    do(ready, job, "rendition")
    with ready.db.read() as session:
        found = jobs.get(session, job.id)
        (said,) = {one.attempts[0].error_message for one in found.steps if one.kind == "rendition"}
    work = ready.settings.pipeline.paths.work / job.id
    assert said is not None
    assert said.startswith("The step needs about 1,")
    assert said.endswith(f" bytes in {work}, and 4,096 bytes are free.")


def test_a_tool_that_meets_the_full_disk_is_understood_the_same_way(
    ready: Runtime, new_job: Callable[..., Job], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = submitted(tmp_path / "a.mp4", new_job)
    do(ready, job, "probe")
    tried = []

    def full_once(paths: Any) -> None:
        tried.append(paths)
        if len(tried) == 1:
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("pipeline.tasks.thumbnail.flush_all", full_once)
    assert do(ready, job, "thumbnail") == "done"
    with ready.db.read() as session:
        found = jobs.get(session, job.id)
        (thumbnail,) = [one for one in found.steps if one.name == "thumbnail"]
        assert "bytes are free" in (thumbnail.attempts[0].error_message or "")


def test_a_job_that_waited_for_room_until_its_deadline_says_so(
    ready: Runtime, new_job: Callable[..., Job], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = submitted(tmp_path / "a.mp4", new_job)
    do(ready, job, "probe")
    monkeypatch.setattr(Room, "free", property(lambda _: 0))
    monkeypatch.setattr(step.Work, "late", property(lambda _: True))
    with pytest.raises(StepFailed):
        do(ready, job, "thumbnail")
    assert state(ready, job) == ("expired", "expired")
    with ready.db.read() as session:
        said = jobs.get(session, job.id).error_message or ""
    assert "What kept it last: The step needs about" in said


def test_waits_for_room_grow_to_two_minutes_and_no_further() -> None:
    assert 5.0 <= room_wait_s(1) <= 10.0
    assert 60.0 <= room_wait_s(1000) <= 120.0
