"""A job whose source is cut: its ranges, how they are joined, and what becomes of wrong ones."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING, Any

import pytest

from pipeline import workflows
from pipeline.app import app
from pipeline.history import events, jobs, plans, workers
from pipeline.history.remaining import share
from pipeline.history.steps import Refusal, claim
from pipeline.ingest.fingerprint import fingerprint
from pipeline.media.boxes import read_index
from pipeline.models import StepKind, StepState
from pipeline.plan import ranges
from pipeline.tasks import control
from pipeline.tasks.capacity import capacity
from pipeline.tasks.planned import stored_plan
from pipeline.tasks.rendition import rendition
from pipeline.tasks.step import StepFailed
from pipeline.tasks.workspace import Workspace
from tests.integration.tasks.journeys import attempts, do, row, rows, state
from tests.media import make_clip

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from pathlib import Path

    from pipeline.app import Runtime
    from pipeline.media.boxes import Index
    from pipeline.models import Job

PARTS = ["range:001", "range:002"]
RUNGS = ["rendition:240p", "rendition:144p"]


@pytest.fixture
def launched(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The jobs whose canvas was published; none reaches a broker."""
    ids: list[str] = []
    monkeypatch.setattr(app, "send_task", lambda *_, **__: None)
    monkeypatch.setattr(control, "launch", ids.append)
    monkeypatch.setattr(ranges, "LEAST_S", 4.0)
    return ids


@pytest.fixture
def job(ready: Runtime, tmp_path: Path, new_job: Callable[..., Job], launched: list[str]) -> Job:
    """A job of a clip, probed while two encodes were free: it is cut in two."""
    assert launched == []
    path = make_clip(tmp_path / "clip.mp4", seconds=9)
    stat = path.stat()
    made = new_job(
        source_path=str(path),
        source_bytes=stat.st_size,
        source_mtime_ns=stat.st_mtime_ns,
        fingerprint=fingerprint(path),
        profile="quick",
    )
    with ready.db.begin() as session:
        workers.register(session, "encode@a/1", slots=2, processor=True, hardware={})
    do(ready, made, "probe")
    do(ready, made, "thumbnail")
    return made


def make(job: Job, unit: str, steps: list[str]) -> Any:
    return rendition.apply((job.id, unit, steps)).get()


def make_parts(job: Job) -> None:
    for part in PARTS:
        assert make(job, part, [part]) in ("done", f"refused: {Refusal.DONE.value}")
    assert make(job, "sound", ["rendition:audio"]) == "done"


def workspace(ready: Runtime, job: Job) -> Workspace:
    paths = ready.settings.pipeline.paths
    return Workspace(paths.work, paths.library, job.id)


def todo(ready: Runtime, job: Job) -> tuple[list[str], bool]:
    """Name the units that are to be published now, and whether something joins them after."""
    with ready.db.read() as session:
        left = workflows.todo_of(jobs.get(session, job.id))
    return [name for name, _, _ in left.units], left.parts


def said(ready: Runtime, job: Job, kind: str) -> list[str]:
    with ready.db.read() as session:
        return [one.message for one in events.since(session, job.id) if one.kind == kind]


def test_ranges_come_first_then_what_joins_them_then_the_package(
    ready: Runtime, job: Job, launched: list[str]
) -> None:
    assert [step.name for step in rows(ready, job)] == [
        *("probe", "thumbnail", *PARTS, "rendition:audio", *RUNGS, "manifest"),
    ]
    assert said(ready, job, "planned")[1] == "cut into 2 ranges: 2 encodes are free"
    assert todo(ready, job) == ([*PARTS, "sound"], True)
    assert make(job, "join", RUNGS) == f"refused: {Refusal.EARLY.value}"
    make_parts(job)
    assert control.resume(job.id) == "its canvas is owed to the broker"
    assert launched == [job.id]
    assert todo(ready, job) == (["join"], False)
    assert make(job, "join", RUNGS) == "done"
    assert do(ready, job, "manifest") == "done"
    with ready.db.read() as session:
        view = jobs.view(session, job.id)
    assert view.state == "succeeded"
    assert view.outputs is not None
    assert {one.frames for one in view.outputs.renditions} == {225}
    assert {step.kind for step in view.steps if step.name in PARTS} == {"range"}


def test_once_joined_the_ranges_take_no_room(ready: Runtime, job: Job) -> None:
    make_parts(job)
    make(job, "join", RUNGS)
    left = {path.name for path in workspace(ready, job).folder.iterdir()}
    assert left == {"thumbnail.jpg", "240p.mp4", "144p.mp4", "audio.m4a"}


def test_after_each_range_nothing_is_published_while_others_are_on_their_way(
    ready: Runtime, job: Job, launched: list[str]
) -> None:
    with ready.db.begin() as session:
        jobs.mark_published(session, job.id)
    make(job, PARTS[0], [PARTS[0]])
    control.resume(job.id)
    make(job, "sound", ["rendition:audio"])
    control.resume(job.id)
    assert launched == []


def test_a_rung_is_as_far_as_its_ranges_are(ready: Runtime, job: Job) -> None:
    make(job, PARTS[0], [PARTS[0]])
    with ready.db.read() as session:
        found = jobs.get(session, job.id)
        (rung, *_) = [step for step in found.steps if step.name == RUNGS[0]]
        assert share(rung, found.steps) == pytest.approx(0.475)
        assert 0.3 < jobs.view(session, job.id).progress < 0.6


def test_ranges_that_have_not_begun_wait_for_their_hours_and_go_on_in_them(
    ready: Runtime, job: Job, launched: list[str], hours: Callable[[int], datetime]
) -> None:
    with ready.db.begin() as session:
        jobs.mark_published(session, job.id)
    make(job, PARTS[0], [PARTS[0]])
    hours(3)
    assert make(job, PARTS[1], [PARTS[1]]) == "held until its hours begin"
    control.resume(job.id)
    assert launched == []
    hours(0)
    control.resume(job.id)
    assert launched == [job.id]
    assert todo(ready, job) == ([PARTS[1], "sound"], True)
    make_parts(job)
    make(job, "join", RUNGS)
    assert do(ready, job, "manifest") == "done"
    assert state(ready, job) == ("succeeded", None)


def test_a_worker_that_is_lost_loses_its_range_alone(
    ready: Runtime, job: Job, launched: list[str]
) -> None:
    make(job, PARTS[0], [PARTS[0]])
    with ready.db.begin() as session:
        jobs.mark_published(session, job.id)
        claim(session, job.id, [PARTS[1]], owner="encode@b/1/task", limit=3)
    control._worker_lost(task_id="task", exception=type("WorkerLostError", (Exception,), {})())
    assert row(ready, job, PARTS[1]).state is StepState.WAITING
    control.resume(job.id)
    assert launched == [job.id]
    assert todo(ready, job) == ([PARTS[1], "sound"], True)
    assert row(ready, job, PARTS[0]).state is StepState.DONE


def test_a_range_that_comes_out_wrong_has_the_source_encoded_whole(
    ready: Runtime, job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(job, "sound", ["rendition:audio"])
    with ready.db.begin() as session:
        row_ = jobs.get(session, job.id)
        plan = stored_plan(row_)
        assert plan is not None
        first, *others = plan.units
        wrong = first.model_copy(update={"frames": 1})
        changed = plan.model_copy(update={"units": (wrong, *others)})
        row_.plan = changed.model_dump(mode="json")
    make(job, PARTS[1], [PARTS[1]])
    assert "given back" in make(job, PARTS[0], [PARTS[0]])
    assert [step.name for step in rows(ready, job)] == [
        *("probe", "thumbnail", "rendition:audio", *RUNGS, "manifest"),
    ]
    assert todo(ready, job) == (["all"], False)
    assert "the source is encoded whole" in said(ready, job, "uncut")[0]
    assert not list(workspace(ready, job).folder.glob("0*"))
    make(job, "all", RUNGS)
    assert do(ready, job, "manifest") == "done"
    assert state(ready, job) == ("succeeded", None)


def test_ranges_that_do_not_fit_together_have_the_source_encoded_whole(
    ready: Runtime, job: Job
) -> None:
    make_parts(job)
    first, second = (workspace(ready, job).result(part) for part in PARTS)
    second.write_bytes(first.read_bytes())
    assert "given back" in make(job, "join", RUNGS)
    assert todo(ready, job) == (["all"], False)
    assert row(ready, job, RUNGS[0]).state is StepState.WAITING
    make(job, "all", RUNGS)
    assert do(ready, job, "manifest") == "done"


def test_a_range_whose_file_is_gone_is_made_again(ready: Runtime, job: Job) -> None:
    make_parts(job)
    workspace(ready, job).result(PARTS[1]).unlink()
    assert "given back" in make(job, "join", RUNGS)
    assert todo(ready, job) == ([PARTS[1], "sound"][:1], True)
    make(job, PARTS[1], [PARTS[1]])
    assert make(job, "join", RUNGS) == "done"


def test_a_range_whose_file_goes_while_it_is_joined_is_made_again(
    ready: Runtime, job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_parts(job)

    def going(path: Path) -> list[Index]:
        if path.name.startswith("002"):
            path.unlink()
        return read_index(path)

    with monkeypatch.context() as patched:
        patched.setattr("pipeline.media.ranges.read_index", going)
        assert "given back" in make(job, "join", RUNGS)
    assert todo(ready, job) == ([PARTS[1]], True)
    make(job, PARTS[1], [PARTS[1]])
    assert make(job, "join", RUNGS) == "done"


@pytest.mark.parametrize("number", [errno.EIO, errno.ESTALE])
def test_a_disk_that_refuses_costs_no_range(
    number: int, ready: Runtime, job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_parts(job)

    tried = []

    def refused_once(path: Path) -> list[Index]:
        tried.append(path)
        if len(tried) == 1:
            raise OSError(number, os.strerror(number))
        return read_index(path)

    monkeypatch.setattr("pipeline.media.ranges.read_index", refused_once)
    assert make(job, "join", RUNGS) == "done"
    assert attempts(ready, job, RUNGS[0]) == [("retried", "system"), ("done", None)]
    assert [attempts(ready, job, part) for part in PARTS] == [[("done", None)]] * 2
    assert said(ready, job, "uncut") == []


def refused(*_: object, **__: object) -> None:
    raise OSError(errno.EIO, os.strerror(errno.EIO))


def test_a_range_that_can_not_be_read_has_the_source_encoded_whole_after_its_tries(
    ready: Runtime, job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(job, PARTS[1], [PARTS[1]])
    with monkeypatch.context() as patched:
        patched.setattr("pipeline.tasks.ranges.encode_range", refused)
        assert "given back" in make(job, PARTS[0], [PARTS[0]])
    limit = ready.settings.pipeline.limits.attempts
    assert len(said(ready, job, "step_retried")) == limit - 1
    assert said(ready, job, "uncut") == [
        "range:001: The system refused: Input/output error; the source is encoded whole"
    ]
    assert todo(ready, job) == (["all"], False)
    assert not list(workspace(ready, job).folder.glob("0*"))
    make(job, "all", [*RUNGS, "rendition:audio"])
    assert do(ready, job, "manifest") == "done"
    with ready.db.read() as session:
        view = jobs.view(session, job.id)
    assert view.outputs is not None
    assert {one.frames for one in view.outputs.renditions} == {225}


def test_a_range_that_one_worker_may_not_read_has_the_source_encoded_whole(
    ready: Runtime, job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forbidden(*_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr("pipeline.tasks.ranges.encode_range", forbidden)
    assert "given back" in make(job, PARTS[0], [PARTS[0]])
    assert said(ready, job, "step_retried") == []
    assert todo(ready, job) == (["all"], False)


def test_what_can_not_be_encoded_whole_either_fails_after_the_tries_of_that(
    ready: Runtime, job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipeline.tasks.ranges.encode_range", refused)
    monkeypatch.setattr("pipeline.tasks.rendition.encode_verified", refused)
    assert "given back" in make(job, PARTS[0], [PARTS[0]])
    with pytest.raises(StepFailed):
        make(job, "all", [*RUNGS, "rendition:audio"])
    limit = ready.settings.pipeline.limits.attempts
    assert [code for _, code in attempts(ready, job, RUNGS[0])] == ["system"] * limit
    assert len(said(ready, job, "uncut")) == 1


def test_ranges_that_can_not_be_joined_leave_the_whole_encode_all_its_tries(
    ready: Runtime, job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_parts(job)
    with monkeypatch.context() as patched:
        patched.setattr("pipeline.media.ranges.read_index", refused)
        assert "given back" in make(job, "join", RUNGS)
    assert len(said(ready, job, "uncut")) == 1
    assert [row(ready, job, rung).tries for rung in RUNGS] == [0, 0]
    make(job, "all", RUNGS)
    assert do(ready, job, "manifest") == "done"


def test_ranges_count_as_encodes_that_run_and_wait(
    ready: Runtime, job: Job, new_job: Callable[..., Job]
) -> None:
    other = new_job()
    with ready.db.begin() as session:
        assert capacity(session, other.id).waiting == 2
        claim(session, job.id, [PARTS[0]], owner="encode@a/1/t", limit=3)
        claim(session, job.id, ["rendition:audio"], owner="encode@a/1/u", limit=3)
    with ready.db.read() as session:
        there = capacity(session, other.id)
        assert (there.workers[0].busy, there.waiting, there.free) == (2, 1, 0)


def test_a_retry_afresh_forgets_the_ranges(ready: Runtime, job: Job) -> None:
    with ready.db.begin() as session:
        plans.replan(session, jobs.get(session, job.id, lock=True), "its plan is of no use")
    kinds = {step.kind for step in rows(ready, job)}
    assert kinds == {StepKind.PROBE, StepKind.THUMBNAIL, StepKind.MANIFEST}
    assert attempts(ready, job, "probe")
