"""`reelworks verify`: every byte that is not as it was published is found, and named."""

from __future__ import annotations

import hashlib
import json
import shutil
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pipeline.app import app
from pipeline.history import cards, health, jobs, pruning, published
from pipeline.media import checksums
from pipeline.models import JobState
from pipeline.tasks.settle import settle
from pipeline.tasks.workspace import Workspace, publish_folder
from tests.integration.tasks.journeys import do, submitted

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy.orm import Session

    from pipeline.app import Runtime
    from pipeline.models import Job
    from tests.integration.cli.conftest import Said

    Reelworks = Callable[..., Said]


@pytest.fixture
def made(ready: Runtime, new_job: Callable[..., Job]) -> tuple[str, Path]:
    """A job that succeeded, and its output folder as the last step leaves it."""
    job = new_job()
    folder = ready.settings.pipeline.paths.library / f"a-{job.id[:8]}"
    for path in ("poster.jpg", "mp4/240p.mp4", "stream/240p/1.m4s"):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(path.encode() * 100)
    files = [one.model_dump() for one in checksums.sums(folder)]
    (folder / "job.json").write_text(json.dumps({"id": job.id, "files": files}))
    paths = {"job_file_sha256": checksums.sha256(folder / "job.json")}
    with ready.db.begin() as session:
        jobs.record_outputs(session, jobs.get(session, job.id), str(folder), paths, [])
        jobs.end(session, job.id, JobState.SUCCEEDED)
    return job.id, folder


@pytest.mark.parametrize("end", [None, JobState.CANCELLED, JobState.FAILED])
def test_results_stay_while_they_are_made_again_and_where_that_does_not_succeed(
    ready: Runtime, made: tuple[str, Path], reelworks: Reelworks, end: JobState | None
) -> None:
    job_id, folder = made
    with ready.db.begin() as session:
        before = jobs.view(session, job_id).outputs
        jobs.reopen(session, job_id, timedelta(hours=1), afresh=True, rebuild=True)
        if end is not None:
            jobs.end(session, job_id, end)
    with ready.db.read() as session:
        assert jobs.view(session, job_id).outputs == before
        (card,) = cards.newest(session)
        assert card.has_results
        waiting_checks = health.to_check(session, timedelta(days=1), None)
        old = [job_id for job_id, *_ in pruning.with_outputs(session)]
    assert waiting_checks == old == ([] if end is None else [job_id])
    for asked in ((), (job_id,), (str(folder),)):
        assert only(reelworks("verify", *asked, "--json"))["state"] == "ok"
    (folder / "job.json").write_text("{}")
    assert only(reelworks("verify", job_id, "--json"))["state"] != "ok"
    assert f"results {folder} (of an earlier run)" in reelworks("show", job_id).out


@pytest.mark.parametrize("end", [JobState.CANCELLED, JobState.FAILED])
def test_former_results_come_back_where_who_exchanged_them_was_killed(
    ready: Runtime, made: tuple[str, Path], reelworks: Reelworks, end: JobState
) -> None:
    job_id, folder = made
    paths = ready.settings.pipeline.paths
    staging = Workspace(paths.work, paths.library, job_id).staging(2)
    staging.mkdir(parents=True)
    (staging / "job.json").write_text(json.dumps({"id": job_id, "files": []}))
    with ready.db.begin() as session:
        jobs.reopen(session, job_id, timedelta(hours=1), afresh=True, rebuild=True)
    assert publish_folder(staging, folder) == staging
    with ready.db.begin() as session:
        jobs.end(session, job_id, end)
    settle(ready, job_id, unhurried=True)
    assert (folder / "poster.jpg").is_file()
    assert not staging.exists()
    assert only(reelworks("verify", job_id, "--json"))["state"] == "ok"


def only(said: Said) -> dict[str, Any]:
    (one,) = said.objects()
    assert isinstance(one, dict)
    return one


def test_every_file_of_a_published_folder_has_its_checksum(
    ready: Runtime,
    new_job: Callable[..., Job],
    reelworks: Reelworks,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(app, "send_task", lambda *_, **__: None)
    job = submitted(tmp_path / "a.mp4", new_job)
    for kind in ("probe", "thumbnail", "rendition", "manifest"):
        do(ready, job, kind)
    told = only(reelworks("verify", job.id, "--json"))
    folder = Path(told["directory"])
    said = json.loads((folder / "job.json").read_text())
    sums = {one["path"]: (one["bytes"], one["sha256"]) for one in said["files"]}
    there = {path for path in folder.rglob("*") if path.is_file() and path.name != "job.json"}
    assert sums == {
        path.relative_to(folder).as_posix(): (
            path.stat().st_size,
            hashlib.sha256(path.read_bytes()).hexdigest(),
        )
        for path in there
    }
    assert "mp4/240p.mp4" in sums
    assert (told["state"], told["files"]) == ("ok", len(there))
    (folder / "job.json").write_text(json.dumps(said))
    assert only(reelworks("verify", job.id, "--json"))["problems"][0]["path"] == "job.json"


def test_what_is_as_it_was_published_is_said_to_be(
    reelworks: Reelworks, made: tuple[str, Path]
) -> None:
    job_id, folder = made
    for words in ([], [job_id[:8]], [str(folder)], [str(folder.parent)]):
        said = reelworks("verify", *words, "--json")
        assert said.status == 0
        assert (only(said)["state"], only(said)["directory"]) == ("ok", str(folder))
    assert reelworks("verify").out == "1 folder: 1 ok\n"


@pytest.mark.parametrize("what", ["a bit", "the end", "the file", "a link"])
def test_a_damaged_result_is_found_and_named(
    reelworks: Reelworks, made: tuple[str, Path], what: str
) -> None:
    job_id, folder = made
    path = folder / "mp4" / "240p.mp4"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    if what == "a bit":
        path.write_bytes(content)
    elif what == "the end":
        path.write_bytes(content[:-1])
    elif what == "the file":
        path.unlink()
    else:
        path.rename(folder.parent / "elsewhere.mp4")
        path.symlink_to(folder.parent / "elsewhere.mp4")
    said = reelworks("verify", "--json")
    assert said.status == 1
    (problem,) = only(said)["problems"]
    assert problem["path"] == "mp4/240p.mp4"
    assert problem["what"] == ("missing" if what == "the file" else "changed")
    shown = reelworks("verify", job_id)
    assert shown.status == 1
    assert "mp4/240p.mp4" in shown.out
    assert f"reelworks retry {job_id[:8]} --force" in shown.out


def test_a_record_that_was_rewritten_together_with_its_file_is_found(
    reelworks: Reelworks, made: tuple[str, Path]
) -> None:
    _, folder = made
    (folder / "poster.jpg").write_bytes(b"other")
    said = json.loads((folder / "job.json").read_text())
    for one in said["files"]:
        if one["path"] == "poster.jpg":
            one["bytes"], one["sha256"] = 5, hashlib.sha256(b"other").hexdigest()
    (folder / "job.json").write_text(json.dumps(said))
    (problem,) = only(reelworks("verify", "--json"))["problems"]
    assert (problem["path"], problem["what"]) == ("job.json", "changed")


def test_a_folder_that_is_gone_is_told_of(reelworks: Reelworks, made: tuple[str, Path]) -> None:
    job_id, folder = made
    shutil.rmtree(folder)
    said = reelworks("verify", "--json")
    assert said.status == 1
    assert (only(said)["job"], only(said)["state"]) == (job_id, "gone")


def test_what_a_retention_removed_is_not_missed(
    ready: Runtime, made: tuple[str, Path], reelworks: Reelworks
) -> None:
    job_id, folder = made
    shutil.rmtree(folder)
    with ready.db.begin() as session:
        pruning.outputs_removed(session, jobs.get(session, job_id), "they are old")
    said = reelworks("verify", "--json")
    assert (said.status, list(said.objects())) == (0, [])
    assert only(reelworks("verify", job_id, "--json"))["error"]["code"] == "wrong_state"
    with ready.db.begin() as session:
        jobs.reopen(session, job_id, timedelta(hours=1), afresh=True, rebuild=True)
    with ready.db.read() as session:
        assert jobs.view(session, job_id).outputs is None
        assert not cards.newest(session)[0].has_results


@pytest.mark.parametrize("then", ["made again", "removed", "forgotten"])
def test_what_changes_while_others_are_read_is_not_damaged(
    ready: Runtime,
    made: tuple[str, Path],
    reelworks: Reelworks,
    monkeypatch: pytest.MonkeyPatch,
    then: str,
) -> None:
    job_id, folder = made
    listed = published.page

    def page_and_change(session: Session, after: str = "") -> list[published.Published]:
        found = listed(session, after)
        if found:
            change()
        return found

    def change() -> None:
        (folder / "job.json").write_text(json.dumps({"id": job_id, "files": []}))
        paths = {"job_file_sha256": checksums.sha256(folder / "job.json")}
        if then != "made again":
            shutil.rmtree(folder)
        with ready.db.begin() as other:
            job = jobs.get(other, job_id)
            if then == "made again":
                jobs.record_outputs(other, job, str(folder), paths, [])
            elif then == "removed":
                pruning.outputs_removed(other, job, "they are old")
            else:
                job.settled_at = job.finished_at
                other.flush()
                assert pruning.forget(other, [job_id])

    monkeypatch.setattr(published, "page", page_and_change)
    said = reelworks("verify", "--json")
    assert said.status == 0
    assert [one["state"] for one in said.objects()] == (["ok"] if then == "made again" else [])


def test_files_that_nobody_published_harm_nothing(
    reelworks: Reelworks, made: tuple[str, Path]
) -> None:
    _, folder = made
    (folder / ".DS_Store").write_text("")
    said = reelworks("verify", str(folder), "--json")
    assert said.status == 0
    assert only(said)["problems"] == [{"path": ".DS_Store", "what": "unexpected", "detail": ""}]


def test_a_copy_is_checked_by_what_lies_in_it(
    reelworks: Reelworks, made: tuple[str, Path], tmp_path: Path
) -> None:
    _, folder = made
    copy = tmp_path / "backup" / folder.name
    shutil.copytree(folder, copy)
    assert reelworks("verify", str(copy)).status == 0
    (copy / "poster.jpg").write_bytes(b"")
    assert reelworks("verify", str(copy)).status == 1
    assert reelworks("verify", str(folder)).status == 0


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"id": "a", "files": [{"path": 1}]}'])
def test_a_record_that_is_damaged_is_told_of(
    reelworks: Reelworks, made: tuple[str, Path], text: str
) -> None:
    _, folder = made
    (folder / "job.json").write_text(text)
    said = reelworks("verify", str(folder), "--json")
    assert said.status == 1
    (problem,) = only(said)["problems"]
    assert (problem["path"], problem["what"]) == ("job.json", "unreadable")


def test_a_record_of_an_earlier_release_has_nothing_to_compare(
    reelworks: Reelworks, made: tuple[str, Path], tmp_path: Path
) -> None:
    _, folder = made
    copy = tmp_path / folder.name
    shutil.copytree(folder, copy)
    said = json.loads((copy / "job.json").read_text())
    del said["files"]
    (copy / "job.json").write_text(json.dumps(said))
    told = reelworks("verify", str(copy), "--json")
    assert (told.status, only(told)["state"]) == (0, "unchecked")


def test_a_hostile_record_names_no_file_outside_its_folder(
    reelworks: Reelworks, tmp_path: Path
) -> None:
    folder = tmp_path / "hostile"
    folder.mkdir()
    paths = ["../secret", "/etc/hostname", "a/../../secret"]
    files = [{"path": path, "bytes": 0, "sha256": "0" * 64} for path in paths]
    (folder / "job.json").write_text(json.dumps({"id": "a", "files": files}))
    problems = only(reelworks("verify", str(folder), "--json"))["problems"]
    assert [(one["path"], one["what"]) for one in problems] == [(one, "outside") for one in paths]


@pytest.mark.parametrize(
    ("word", "code", "status"),
    [
        ("nowhere.mp4", "no_such_file", 2),
        ("abcdef12", "no_such_job", 2),
        ("{tmp}", "no_such_file", 2),
    ],
)
def test_what_can_not_be_verified_is_said(
    reelworks: Reelworks, tmp_path: Path, word: str, code: str, status: int
) -> None:
    (tmp_path / "empty").mkdir()
    said = reelworks("verify", word.format(tmp=tmp_path / "empty"), "--json")
    assert said.status == status
    assert only(said)["error"]["code"] == code


def test_a_job_without_results_has_none_to_verify(
    reelworks: Reelworks, new_job: Callable[..., Job]
) -> None:
    said = reelworks("verify", new_job().id, "--json")
    assert (said.status, only(said)["error"]["code"]) == (1, "wrong_state")
