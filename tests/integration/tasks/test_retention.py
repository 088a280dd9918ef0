"""Retention removes what its rules say, and never what somebody needs."""

from __future__ import annotations

import json
import os
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select, update

from pipeline.history import jobs, known, pruning
from pipeline.history.database import now
from pipeline.history.known import Identity
from pipeline.models import Event, Job, JobState, KnownFile, Step
from pipeline.printable import size_text
from pipeline.settings.retention import Retention
from pipeline.tasks.exchange import ASIDE, AWAY, PLACE
from pipeline.tasks.retention import Removal, clean, retain, retention, told

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipeline.app import Runtime

    Succeeded = Callable[..., Job]

DAY = timedelta(days=1)


@pytest.fixture
def succeeded(ready: Runtime, new_job: Callable[..., Job]) -> Succeeded:
    """Make a job that succeeded so many days ago, with results of so many bytes in the library."""

    def make(days: float = 100, *, size: int = 40_000, name: str = "", **facts: Any) -> Job:
        job = new_job(**facts)
        folder = ready.settings.pipeline.paths.library / (name or f"clip-{job.id[:8]}")
        (folder / "mp4").mkdir(parents=True)
        (folder / "mp4/144p.mp4").write_bytes(b"x" * size)
        (folder / "job.json").write_text(json.dumps({"id": job.id}))
        end(ready, job, JobState.SUCCEEDED, days, output_directory=str(folder))
        return job

    return make


def end(ready: Runtime, job: Job, state: JobState, days: float, **facts: Any) -> None:
    with ready.db.begin() as session:
        at = now(session) - DAY * days
        session.execute(
            update(Job)
            .where(Job.id == job.id)
            .values(state=state, finished_at=at, settled_at=at, **facts)
        )


def run(ready: Runtime, **rules: Any) -> list[Removal]:
    return list(retain(ready, Retention.model_validate(rules)))


def folder_of(ready: Runtime, job: Job) -> Path:
    return Path(row(ready, job).output_directory or "")


def row(ready: Runtime, job: Job) -> Job:
    with ready.db.read() as session:
        return jobs.get(session, job.id)


def there(ready: Runtime, *which: Job) -> list[bool]:
    return [folder_of(ready, job).exists() for job in which]


def test_results_that_are_too_old_go_and_their_job_says_so(
    ready: Runtime, succeeded: Succeeded
) -> None:
    old, new = succeeded(100), succeeded(10)
    (removal,) = run(ready, outputs={"older_than": "90d"})
    assert (removal.kind, removal.job, removal.reason) == ("outputs", old.id, "older than 90d")
    assert removal.bytes >= 40_000
    assert there(ready, old, new) == [False, True]
    with ready.db.read() as session:
        view = jobs.view(session, old.id)
        events = [event.message for event in session.scalars(select(Event))]
    assert view.state == "succeeded"
    assert view.outputs is not None
    assert view.outputs.removed_at is not None
    assert events == ["found /inbox/clip.mp4"] * 2 + ["its results were removed: older than 90d"]
    assert not any((ready.settings.pipeline.paths.library / ".staging").iterdir())
    assert run(ready, outputs={"older_than": "90d"}) == []


def test_results_go_by_count_and_by_the_room_they_take(
    ready: Runtime, succeeded: Succeeded
) -> None:
    made = [succeeded(days) for days in (4, 3, 2, 1)]
    run(ready, outputs={"keep_newest": 3})
    assert there(ready, *made) == [False, True, True, True]
    # Each takes 40,000 bytes and a little, in blocks.
    run(ready, outputs={"max_size": 110_000})
    assert there(ready, *made) == [False, False, True, True]
    run(ready, outputs={"min_free": "1000T"})
    assert there(ready, *made) == [False] * 4


def test_results_of_one_profile_go_alone(ready: Runtime, succeeded: Succeeded) -> None:
    draft, film = succeeded(profile="draft"), succeeded(profile="film")
    run(ready, outputs={"older_than": "1d", "profiles": "draft"})
    assert there(ready, draft, film) == [False, True]


def test_a_dry_run_tells_the_same_and_removes_nothing(ready: Runtime, succeeded: Succeeded) -> None:
    job = succeeded()
    rules = {"outputs": {"older_than": "90d"}}
    found = list(retain(ready, Retention.model_validate(rules), dry_run=True))
    assert [(one.job, one.stays) for one in found] == [(job.id, False)]
    assert told(found, dry_run=True).summary.startswith("1 output folder would be removed (")
    assert retention(**rules, dry_run=True).facts["dry_run"] is True
    assert there(ready, job) == [True]
    assert retention(**rules).facts["outputs"] == 1
    assert there(ready, job) == [False]


def test_a_dry_run_knows_that_history_goes_once_its_results_have(
    ready: Runtime, succeeded: Succeeded
) -> None:
    succeeded()
    rules = Retention.model_validate(
        {"outputs": {"older_than": "90d"}, "history": {"older_than": "90d"}}
    )
    would = [one.kind for one in retain(ready, rules, dry_run=True)]
    assert would == [one.kind for one in retain(ready, rules)] == ["outputs", "history"]


def test_results_that_are_being_made_again_stay(
    ready: Runtime, succeeded: Succeeded, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = succeeded()
    listed = pruning.with_outputs

    def then_retried(*arguments: Any) -> Any:
        found = listed(*arguments)
        with ready.db.begin() as session:
            jobs.reopen(session, job.id, DAY, afresh=False, rebuild=True)
        return found

    monkeypatch.setattr(pruning, "with_outputs", then_retried)
    (removal,) = run(ready, outputs={"older_than": "90d"})
    assert (removal.stays, removal.reason) == (True, "the job is queued")
    assert there(ready, job) == [True]


def test_results_among_which_a_source_lies_stay(
    ready: Runtime, succeeded: Succeeded, new_job: Callable[..., Job]
) -> None:
    used, copied = succeeded(), succeeded()
    source = folder_of(ready, used) / "mp4/144p.mp4"
    end(ready, new_job(source_path=str(source)), JobState.SUCCEEDED, 1)
    copy = folder_of(ready, copied) / "mp4/144p.mp4"
    with ready.db.begin() as session:
        job = jobs.get(session, copied.id)
        known.remember(session, copy, "web", Identity.of(copy.stat()), job)
    found = run(ready, outputs={"older_than": "90d"})
    assert [(one.stays, "a source lies in" in one.reason) for one in found] == [(True, True)] * 2
    assert there(ready, used, copied) == [True, True]


def test_nothing_outside_the_library_goes_however_it_came_to_be_recorded(
    ready: Runtime, succeeded: Succeeded, tmp_path: Path
) -> None:
    library = ready.settings.pipeline.paths.library
    outside = tmp_path / "outside"
    (outside / "deep").mkdir(parents=True)
    (outside / "deep/precious").write_text("x")
    (library / "link").symlink_to(outside)
    places = [
        outside,
        library,
        library / "link",
        library / "link/deep",
        library / "../outside/deep",
    ]
    for place in places:
        end(ready, succeeded(), JobState.SUCCEEDED, 100, output_directory=str(place))
    hidden = succeeded(name=".hidden")
    found = run(ready, outputs={"older_than": "90d"})
    assert len(found) == 6
    assert all(one.stays for one in found), found
    assert (outside / "deep/precious").exists()
    assert there(ready, hidden) == [True]


def test_a_folder_of_another_job_or_of_two_stays(ready: Runtime, succeeded: Succeeded) -> None:
    mine, twin = succeeded(), succeeded(1)
    (folder_of(ready, mine) / "job.json").write_text(json.dumps({"id": twin.id}))
    (one,) = run(ready, outputs={"older_than": "90d"})
    assert "does not hold the results of job" in one.reason
    end(ready, mine, JobState.SUCCEEDED, 100, output_directory=str(folder_of(ready, twin)))
    (one,) = run(ready, outputs={"older_than": "90d"})
    assert one.reason == "another job has its results in the same folder"
    assert there(ready, twin) == [True]


def test_a_library_that_is_away_loses_nothing(ready: Runtime, succeeded: Succeeded) -> None:
    job, library = succeeded(), ready.settings.pipeline.paths.library
    library.rename(library.with_name("elsewhere"))
    (one,) = run(ready, outputs={"older_than": "90d"})
    assert one.stays
    assert row(ready, job).outputs_removed_at is None


def work_folder(ready: Runtime, name: str, days: float) -> Path:
    folder = ready.settings.pipeline.paths.work / name
    folder.mkdir()
    (folder / "144p.mp4").write_bytes(b"x" * 10_000)
    for path in (folder / "144p.mp4", folder):
        old = path.stat().st_mtime - days * 86400
        os.utime(path, (old, old))
    return folder


def test_working_folders_of_ended_and_unknown_jobs_go_and_those_of_others_stay(
    ready: Runtime, new_job: Callable[..., Job]
) -> None:
    failed, running, recent = new_job(), new_job(), new_job()
    end(ready, failed, JobState.FAILED, 30)
    end(ready, recent, JobState.FAILED, 30)
    gone = [
        work_folder(ready, name, 30) for name in (failed.id, "0" * 32, f"{failed.id}.{'1' * 32}")
    ]
    kept = [
        work_folder(ready, running.id, 30),
        work_folder(ready, recent.id, 1),
        work_folder(ready, "of-somebody-else", 300),
    ]
    assert clean().facts["work"] == 3
    assert [folder.exists() for folder in gone + kept] == [False] * 3 + [True] * 3


def test_results_that_were_away_as_somebody_was_killed_go_back_and_are_not_cleared_away(
    ready: Runtime, succeeded: Succeeded
) -> None:
    job, library = succeeded(), ready.settings.pipeline.paths.library
    results = Path(row(ready, job).output_directory or "")
    aside = library / ".staging" / f"{job.id}.2{ASIDE}"
    aside.mkdir(parents=True)
    (aside / PLACE).write_bytes(os.fsencode(results))
    results.rename(aside / AWAY)
    for path in (*aside.rglob("*"), aside):
        os.utime(path, (1, 1))
    assert clean().facts["work"] == 1
    assert (results / "mp4/144p.mp4").stat().st_size == 40_000
    assert not any(aside.parent.iterdir())


def test_a_working_folder_whose_job_is_retried_meanwhile_stays(
    ready: Runtime, new_job: Callable[..., Job], monkeypatch: pytest.MonkeyPatch
) -> None:
    job = new_job()
    folder = work_folder(ready, job.id, 30)
    monkeypatch.setattr(jobs, "unfinished", lambda _session: [])
    (one,) = run(ready, work={"older_than": "7d"})
    assert (one.stays, one.reason) == (True, f"job {job.id} is queued")
    assert folder.exists()


def test_history_goes_with_all_that_belongs_to_it(
    ready: Runtime, new_job: Callable[..., Job]
) -> None:
    old, new, running = new_job(), new_job(), new_job()
    end(ready, old, JobState.FAILED, 400)
    end(ready, new, JobState.FAILED, 4)
    (removal,) = run(ready, history={"older_than": "365d"})
    assert removal.job == old.id
    assert removal.reason == "history.older_than: it ended more than 365d ago"
    with ready.db.read() as session:
        assert set(session.scalars(select(Job.id))) == {new.id, running.id}
        assert old.id not in set(session.scalars(select(Step.job_id)))
        assert old.id not in set(session.scalars(select(Event.job_id)))


def test_history_goes_by_count_and_by_size(ready: Runtime, new_job: Callable[..., Job]) -> None:
    made = [new_job() for _ in range(6)]
    for days, job in enumerate(made):
        end(ready, job, JobState.FAILED, days + 1)
    assert {(one.job, one.reason) for one in run(ready, history={"keep_newest": 4})} == {
        (made[4].id, "history.keep_newest keeps the newest 4 of 6 ended jobs"),
        (made[5].id, "history.keep_newest keeps the newest 4 of 6 ended jobs"),
    }
    with ready.db.read() as session:
        size = pruning.history_bytes(session)
    (removal,) = run(ready, history={"max_size": size - 1})
    assert removal.reason == (
        "history.max_size keeps the newest 3 of 4 ended jobs: "
        f"all take {size_text(size)} and may take {size_text(size - 1)}"
    )
    assert run(ready, history={"max_size": size * 2}) == []


def test_history_of_what_is_still_needed_stays(
    ready: Runtime, new_job: Callable[..., Job], succeeded: Succeeded
) -> None:
    inbox = ready.settings.pipeline.watch[0].path
    source, copy = inbox / "kept.mp4", inbox / "copy.mp4"
    for file in (source, copy):
        file.write_text("x")
    would_be_found, has_copy = new_job(source_path=str(source)), new_job()
    unsettled, with_results, results_gone = new_job(), succeeded(400), succeeded(400)
    with ready.db.begin() as session:
        job = jobs.get(session, has_copy.id)
        known.remember(session, copy, "web", Identity.of(copy.stat()), job)
    for job in (would_be_found, has_copy, unsettled):
        end(ready, job, JobState.FAILED, 400)
    with ready.db.begin() as session:
        session.execute(update(Job).where(Job.id == unsettled.id).values(settled_at=None))
    run(ready, outputs={"keep_newest": 1})
    with ready.db.begin() as session:
        session.execute(
            update(Job).where(Job.id == with_results.id).values(settled_at=now(session))
        )
    kept = [job for job in (with_results, results_gone) if there(ready, job) == [True]]
    run(ready, history={"older_than": "365d"})
    with ready.db.read() as session:
        left = set(session.scalars(select(Job.id)))
    assert left == {would_be_found.id, has_copy.id, unsettled.id, kept[0].id}
    copy.unlink()
    run(ready, history={"older_than": "365d"})
    with ready.db.read() as session:
        assert has_copy.id not in set(session.scalars(select(Job.id)))
        assert session.scalars(select(KnownFile)).all() == []


def test_history_of_a_folder_whose_disk_is_away_stays(
    ready: Runtime, new_job: Callable[..., Job]
) -> None:
    inbox = ready.settings.pipeline.watch[0].path
    job = new_job(source_path=str(inbox / "kept.mp4"))
    end(ready, job, JobState.SUCCEEDED, 400)
    inbox.rename(inbox.with_name("away"))
    run(ready, history={"older_than": "365d"})
    assert row(ready, job).id == job.id
    inbox.mkdir()
    assert [one.job for one in run(ready, history={"older_than": "365d"})] == [job.id]


def test_history_of_uploads_whose_folder_was_removed_by_hand_goes(
    ready: Runtime, new_job: Callable[..., Job]
) -> None:
    inbox = ready.settings.pipeline.watch[0].path
    profile = next(iter(ready.settings.profiles))
    job = new_job(source_path=str(inbox / ".uploads" / profile / "kept.mp4"))
    end(ready, job, JobState.SUCCEEDED, 400)
    inbox.rename(inbox.with_name("away"))
    assert run(ready, history={"older_than": "365d"}) == []
    inbox.mkdir()
    assert [one.job for one in run(ready, history={"older_than": "365d"})] == [job.id]
