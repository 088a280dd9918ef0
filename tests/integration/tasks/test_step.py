"""What holds for every step: its lease, its tries, its files, and the source it is about."""

from __future__ import annotations

import os
import sqlite3
import time
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import update
from sqlalchemy.exc import OperationalError

from pipeline.errors import ReelworksError, TransientError
from pipeline.history import jobs, steps
from pipeline.history.errors import LeaseLost
from pipeline.media import probe as reading
from pipeline.media.fallback import encode_verified
from pipeline.media.process import run
from pipeline.models import Step, StepState
from pipeline.tasks import control, step
from pipeline.tasks.step import StepFailed, Work, perform
from tests.integration.tasks.journeys import (
    allow_attempts,
    attempts,
    do,
    renditions,
    row,
    script,
    state,
    submitted,
    task,
)
from tests.media import tools

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy.orm import Session

    from pipeline.app import Runtime
    from pipeline.history.steps import Claim
    from pipeline.models import Job

pytestmark = pytest.mark.usefixtures("sent")


def test_a_probe_that_takes_longer_than_a_lease_keeps_it(
    ready: Runtime, new_job: Callable[..., Job], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(steps, "LEASE", timedelta(seconds=3))
    monkeypatch.setattr(step, "BEAT_S", 0.1)
    monkeypatch.setattr("pipeline.media.process.TICK_S", 0.2)
    slowly = '[ "$1" = -version ] || sleep 4'
    slow = script(tmp_path / "ffprobe", slowly, f'exec {tools().ffprobe} "$@"')
    monkeypatch.setattr("pipeline.tasks.probe.tools", lambda: replace(tools(), ffprobe=slow))
    job = submitted(tmp_path / "a.mp4", new_job)
    assert do(ready, job, "probe") == "done"
    assert attempts(ready, job, "probe") == [("done", None)]


def test_the_steps_after_the_probe_read_the_source_where_it_is_now(
    ready: Runtime, new_job: Callable[..., Job], tmp_path: Path
) -> None:
    path = tmp_path / "a.mp4"
    job = submitted(path, new_job)
    do(ready, job, "probe")
    moved = tmp_path / "quarantine" / "a.mp4"
    moved.parent.mkdir()
    path.rename(moved)
    with ready.db.begin() as session:
        jobs.replace_source(session, job.id, str(moved), moved.stat().st_mtime_ns)
    for kind in ("thumbnail", "rendition", "manifest"):
        assert do(ready, job, kind) == "done"
    assert state(ready, job) == ("succeeded", None)


def overwrite(path: Path, content: bytes) -> None:
    former = path.stat().st_mtime_ns
    path.write_bytes(content)
    os.utime(path, ns=(former + 10**9, former + 10**9))


@pytest.mark.parametrize("kind", ["probe", "thumbnail", "rendition"])
def test_a_file_that_was_overwritten_is_not_taken_for_the_one_submitted(
    ready: Runtime, new_job: Callable[..., Job], tmp_path: Path, kind: str
) -> None:
    path = tmp_path / "a.mp4"
    job = submitted(path, new_job)
    for earlier in {"probe": (), "thumbnail": ("probe",)}.get(kind, ("probe", "thumbnail")):
        do(ready, job, earlier)
    overwrite(path, path.read_bytes()[::-1])
    with pytest.raises(StepFailed, match="has changed since it was found"):
        do(ready, job, kind)
    control.repair(ready, job.id)
    assert state(ready, job) == ("failed", "source_changed")


def test_a_link_to_another_file_of_the_same_size_and_time_is_not_followed(
    ready: Runtime, new_job: Callable[..., Job], tmp_path: Path
) -> None:
    path, secret = tmp_path / "a.mp4", tmp_path / "secret.mp4"
    job = submitted(path, new_job)
    was = path.stat()
    with ready.db.begin() as session:
        jobs.get(session, job.id).source_inode = was.st_ino
    secret.write_bytes(path.read_bytes()[::-1])
    os.utime(secret, ns=(was.st_mtime_ns, was.st_mtime_ns))
    path.rename(tmp_path / "away.mp4")
    path.symlink_to(secret)
    with pytest.raises(StepFailed, match="its content is another one"):
        do(ready, job, "probe")


def test_a_file_that_grows_while_it_is_probed_is_not_planned(
    ready: Runtime, new_job: Callable[..., Job], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.mp4"
    job = submitted(path, new_job)
    read = reading.probe

    def probe_of_a_growing_file(*arguments: Any, **options: Any) -> Any:
        source = read(*arguments, **options)
        with path.open("ab") as file:
            file.write(b"more")
        return source

    monkeypatch.setattr(reading, "probe", probe_of_a_growing_file)
    with pytest.raises(StepFailed, match="has changed since it was found"):
        do(ready, job, "probe")
    with ready.db.read() as session:
        assert jobs.get(session, job.id).plan is None


def test_a_file_that_was_only_touched_is_the_same(
    ready: Runtime, new_job: Callable[..., Job], tmp_path: Path
) -> None:
    path = tmp_path / "a.mp4"
    job = submitted(path, new_job)
    overwrite(path, path.read_bytes())
    assert do(ready, job, "probe") == "done"
    with ready.db.read() as session:
        assert jobs.get(session, job.id).source_mtime_ns == path.stat().st_mtime_ns


def test_a_file_that_is_gone_says_so(
    ready: Runtime, new_job: Callable[..., Job], tmp_path: Path
) -> None:
    path = tmp_path / "a.mp4"
    job = submitted(path, new_job)
    path.unlink()
    with pytest.raises(StepFailed):
        do(ready, job, "probe")
    assert attempts(ready, job, "probe") == [("failed", "source_gone")]


def test_a_source_that_goes_once_it_was_read_does_no_harm(
    ready: Runtime, new_job: Callable[..., Job], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = submitted(tmp_path / "a.mp4", new_job)
    do(ready, job, "probe")
    do(ready, job, "thumbnail")

    def encode_and_lose_the_source(*arguments: Any, **options: Any) -> Any:
        made = encode_verified(*arguments, **options)
        (tmp_path / "a.mp4").unlink()
        return made

    monkeypatch.setattr("pipeline.tasks.rendition.encode_verified", encode_and_lose_the_source)
    assert do(ready, job, "rendition") == "done"
    assert do(ready, job, "manifest") == "done"


def test_a_tool_that_was_killed_is_tried_again(
    ready: Runtime, new_job: Callable[..., Job], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = submitted(tmp_path / "a.mp4", new_job)
    do(ready, job, "probe")
    do(ready, job, "thumbnail")
    killed = script(
        tmp_path / "ffmpeg",
        f"once={tmp_path}/once",
        'case "$*" in *.tmp*) test -e $once || { touch $once; kill -9 $$; };; esac',
        f'exec {tools().ffmpeg} "$@"',
    )
    monkeypatch.setattr("pipeline.tasks.rendition.tools", lambda: replace(tools(), ffmpeg=killed))
    do(ready, job, "rendition")
    first = renditions(ready, job)[0]
    assert attempts(ready, job, first) == [("retried", "killed"), ("done", None)]


def test_what_a_tool_said_when_it_failed_is_kept_with_the_attempt(
    ready: Runtime, new_job: Callable[..., Job], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = submitted(tmp_path / "a.mp4", new_job)
    do(ready, job, "probe")
    do(ready, job, "thumbnail")
    broken = script(
        tmp_path / "ffmpeg",
        'case "$*" in *.tmp*) echo first: it went wrong >&2; echo last >&2; exit 1;; esac',
        f'exec {tools().ffmpeg} "$@"',
    )
    monkeypatch.setattr("pipeline.tasks.rendition.tools", lambda: replace(tools(), ffmpeg=broken))
    with pytest.raises(StepFailed):
        do(ready, job, "rendition")
    with ready.db.read() as session:
        found = next(one for one in jobs.get(session, job.id).steps if one.state.value == "failed")
        assert found.attempts[-1].log == "first: it went wrong\nlast\n"


def lost_beats(monkeypatch: pytest.MonkeyPatch, first: int, last: int) -> list[float]:
    """Let the heartbeats from the `first` to the `last` fail as on a locked database."""
    swift, beats = steps.heartbeat, list[float]()

    def heartbeat(
        session: Session, claim: Claim, progress: float, *, idle: bool | None = None
    ) -> None:
        beats.append(progress)
        if first <= len(beats) <= last:
            locked = sqlite3.OperationalError("database is locked")
            raise OperationalError("UPDATE", {}, locked)
        swift(session, claim, progress, idle=idle)

    monkeypatch.setattr(steps, "heartbeat", heartbeat)
    monkeypatch.setattr(step, "BEAT_S", 0.1)
    monkeypatch.setattr("pipeline.media.process.TICK_S", 0.1)
    return beats


def work_a_second(work: Work) -> None:
    run(["sh", "-c", "for i in 1 2 3 4 5; do echo frame=$i; sleep 0.3; done"], on_tick=work.tick)


def test_lost_heartbeats_do_not_stop_the_work(
    ready: Runtime, new_job: Callable[..., Job], monkeypatch: pytest.MonkeyPatch
) -> None:
    beats = lost_beats(monkeypatch, 2, 4)
    job = new_job()
    assert perform(task(), job.id, ("probe",), work_a_second) == "done"
    assert len(beats) > 4


def test_work_whose_heartbeats_are_lost_for_too_long_stops(
    ready: Runtime, new_job: Callable[..., Job], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(step, "UNHEARD_S", 0.5)
    lost_beats(monkeypatch, 1, 1000)
    began = time.monotonic()
    assert perform(task(), new_job().id, ("probe",), work_a_second) == "lease lost"
    assert time.monotonic() - began < 1.4


def test_what_cannot_tell_of_itself_keeps_the_lease_too(
    ready: Runtime, new_job: Callable[..., Job], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(steps, "LEASE", timedelta(seconds=0.6))
    monkeypatch.setattr(step, "BEAT_S", 0.1)

    def flush_slowly(work: Work) -> None:
        work.meanwhile(lambda: time.sleep(1.2))
        work.publish(lambda *_: None)

    job = new_job()
    assert perform(task(), job.id, ("probe",), flush_slowly) == "done"
    assert row(ready, job, "probe").state is StepState.DONE


def test_who_lost_its_lease_leaves_the_files_of_who_took_over(
    ready: Runtime, new_job: Callable[..., Job]
) -> None:
    job = new_job()
    left: list[Path] = []

    def taken_over(work: Work) -> None:
        for attempt in (1, 2):
            scratch = work.workspace.scratch("probe", attempt)
            scratch.write_text("half")
            left.append(scratch)
        raise LeaseLost(job.id, ("probe",))

    assert perform(task(), job.id, ("probe",), taken_over) == "lease lost"
    assert [path.exists() for path in left] == [False, True]


def test_a_step_may_be_tried_as_often_as_the_limit_says(
    ready: Runtime, new_job: Callable[..., Job], monkeypatch: pytest.MonkeyPatch
) -> None:
    allow_attempts(ready, monkeypatch, 6)

    def full(*_: object, **__: object) -> None:
        raise TransientError("system", "The share is gone.")

    monkeypatch.setattr("pipeline.tasks.probe._probe", full)
    job = new_job()
    with pytest.raises(StepFailed):
        do(ready, job, "probe")
    assert attempts(ready, job, "probe") == [("retried", "system")] * 5 + [("failed", "system")]


def test_what_nobody_foresaw_is_not_tried_again(
    ready: Runtime, new_job: Callable[..., Job], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise KeyError("720p")

    monkeypatch.setattr("pipeline.tasks.probe._probe", broken)
    job = new_job()
    with pytest.raises(StepFailed):
        do(ready, job, "probe")
    assert attempts(ready, job, "probe") == [("failed", "internal")]


@pytest.mark.parametrize("limit", [1, 3])
def test_a_step_that_is_stopped_by_the_deadline_lets_its_job_expire(
    ready: Runtime, new_job: Callable[..., Job], monkeypatch: pytest.MonkeyPatch, limit: int
) -> None:
    allow_attempts(ready, monkeypatch, limit)

    def too_slow(work: Work) -> None:
        run(["sleep", "30"], timeout_s=work.timeout_s)

    job = new_job(deadline=timedelta(seconds=1))
    with pytest.raises(StepFailed):
        perform(task(), job.id, ("probe",), too_slow)
    assert state(ready, job) == ("expired", "expired")


def test_who_was_taken_over_does_not_end_the_job_at_the_deadline(
    ready: Runtime, new_job: Callable[..., Job]
) -> None:
    def taken_over(work: Work) -> None:
        with ready.db.begin() as session:
            session.execute(update(Step).values(owner="encode@b/p/other"))
        run(["sleep", "30"], timeout_s=work.timeout_s)

    job = new_job(deadline=timedelta(seconds=1))
    with pytest.raises(StepFailed):
        perform(task(), job.id, ("probe",), taken_over)
    assert state(ready, job) == ("running", None)


def test_a_source_that_is_wrong_fails_its_job_also_at_the_deadline(
    ready: Runtime, new_job: Callable[..., Job]
) -> None:
    def not_media(work: Work) -> None:
        time.sleep(work.timeout_s)
        raise ReelworksError("not_media", "It is a text.")

    job = new_job(deadline=timedelta(seconds=0.5))
    with pytest.raises(StepFailed):
        perform(task(), job.id, ("probe",), not_media)
    control.repair(ready, job.id)
    assert state(ready, job) == ("failed", "not_media")
