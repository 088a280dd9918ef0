"""Who moves a source may be killed at any moment: it is moved once, never lost nor run again."""

from __future__ import annotations

import errno
import os
import shutil
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from pipeline import durability
from pipeline.history import settling
from pipeline.history.errors import DatabaseUnreachable
from pipeline.history.fate import SourceFate
from pipeline.ingest import source
from pipeline.models import JobState
from tests.integration.ingest.movers import (
    EVERY_DEATH,
    LINKS,
    Death,
    die,
    end,
    killed_at,
    meanwhile,
    moved_to,
    settle_all,
    without_links,
)
from tests.integration.ingest.test_settle import names

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.integration.ingest.inbox import Inbox


@EVERY_DEATH
def test_a_source_whose_mover_was_killed_is_moved_once_and_not_worked_on_again(
    inbox: Inbox, monkeypatch: pytest.MonkeyPatch, death: Death
) -> None:
    path, job_id, folder = die(inbox, monkeypatch, death)
    assert moved_to(folder)
    if death.first == "a scan":
        inbox.scan()
    settle_all(inbox, job_id)
    assert inbox.scan() == []
    assert not path.exists()
    assert moved_to(folder) == ["clip.mp4"]
    assert (folder / "clip.mp4").read_text() == "the source"
    assert (inbox.published, inbox.rerun) == ([job_id], [])
    job = inbox.job(job_id)
    assert (job.source_path, job.source_fate) == (str(folder / "clip.mp4"), "moved")
    assert job.settled_at is not None
    # Whether he took it away, or others renamed it, nobody can tell: what it was stays known.
    assert (job.leaving is not None) is (
        death.moment == "before it was told that it was taken away"
    )
    assert inbox.events(job_id).count("source_moved") == 1


@pytest.mark.parametrize("how", LINKS)
def test_a_source_that_was_put_back_by_hand_is_never_taken_for_what_was_still_to_go(
    inbox: Inbox, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    path = inbox.put("clip.mp4", "the source")
    made = inbox.submit(path)
    without_links(inbox, monkeypatch, how)
    failed = partial(end, inbox, made.job_id, JobState.FAILED)
    killed_at(inbox, monkeypatch, (settling, "taken"), failed)
    (inbox.folder.quarantine / "clip.mp4").rename(path)
    settle_all(inbox, made.job_id)
    assert path.read_text() == "the source"
    inbox.scan()
    assert inbox.rerun == [made.job_id]
    assert inbox.job(made.job_id).source_path == str(path)


def test_a_source_that_is_renamed_as_it_is_moved_is_archived_once(
    inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = inbox.put("clip.mp4", "the source")
    made = inbox.submit(path)
    take = source.take

    def renamed(*arguments: Any) -> bool:
        monkeypatch.setattr(source, "take", take)
        path.rename(path.with_name("renamed.mp4"))
        return take(*arguments)

    monkeypatch.setattr(source, "take", renamed)
    end(inbox, made.job_id, JobState.SUCCEEDED)
    inbox.scan()
    assert names(inbox.folder.archive) == ["clip.mp4"]
    assert names(inbox.folder.path) == []
    assert inbox.job(made.job_id).source_path == str(inbox.folder.archive / "clip.mp4")


@pytest.mark.parametrize("how", LINKS)
def test_a_source_that_is_taken_away_just_before_it_is_moved_is_gone_at_once(
    inbox: Inbox, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    path = inbox.put("clip.mp4", "the source")
    made = inbox.submit(path)
    without_links(inbox, monkeypatch, how)
    monkeypatch.setattr(source, "being_written", lambda *_, **__: path.unlink())
    end(inbox, made.job_id, JobState.SUCCEEDED)
    assert inbox.job(made.job_id).source_fate == SourceFate.GONE
    assert names(inbox.folder.archive) == []


@pytest.mark.parametrize("how", LINKS)
@pytest.mark.parametrize("alike", ["size and time", "size and content"])
def test_what_somebody_else_has_under_the_same_name_is_not_taken_for_a_copy(
    inbox: Inbox, monkeypatch: pytest.MonkeyPatch, how: str, alike: str
) -> None:
    path = inbox.put("clip.mp4", "the source")
    theirs = inbox.folder.archive / "clip.mp4"
    theirs.parent.mkdir(parents=True)
    theirs.write_text("the source" if alike == "size and content" else "not of us!")
    os.utime(theirs, ns=(1, 1))
    if alike == "size and time":
        shutil.copystat(path, theirs)
    made = inbox.submit(path)
    without_links(inbox, monkeypatch, how)
    end(inbox, made.job_id, JobState.SUCCEEDED)
    assert names(inbox.folder.archive) == ["clip (2).mp4", "clip.mp4"]
    assert (inbox.folder.archive / "clip (2).mp4").read_text() == "the source"


def test_a_move_that_the_database_noted_but_could_not_confirm_is_gone_on_with(
    inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = inbox.put("clip.mp4", "the source")
    made = inbox.submit(path)
    write = inbox.ready.db.write

    def write_unanswered(act: Callable[..., Any], *, durable: bool = False) -> Any:
        result = write(act, durable=durable)
        if getattr(act, "func", None) is settling.moved:
            raise DatabaseUnreachable("postgresql://…", "it went away")
        return result

    with monkeypatch.context() as patched:
        patched.setattr(inbox.ready.db, "write", write_unanswered)
        with pytest.raises(DatabaseUnreachable):
            inbox.end(made.job_id, JobState.FAILED)
    assert (path.exists(), moved_to(inbox.folder.quarantine)) == (True, ["clip.mp4"])
    assert inbox.scan() == [path]
    settle_all(inbox, made.job_id)
    assert (path.exists(), moved_to(inbox.folder.quarantine)) == (False, ["clip.mp4"])
    assert (inbox.job(made.job_id).source_fate, inbox.rerun) == ("moved", [])


def test_a_sidecar_that_came_before_a_killed_mover_was_followed_is_heard(
    inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = inbox.put("clip.mp4", "the source")
    made = inbox.submit(path)
    failed = partial(end, inbox, made.job_id, JobState.FAILED)
    killed_at(inbox, monkeypatch, (source, "take"), failed)
    inbox.put("clip.mp4.yml", "title: A title")
    inbox.scan()
    assert (path.exists(), inbox.rerun) == (True, [made.job_id])
    assert inbox.job(made.job_id).title == "A title"


@pytest.mark.parametrize("how", LINKS)
def test_a_further_copy_whose_mover_was_killed_is_moved_once(
    inbox: Inbox, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    made = inbox.submit(inbox.put("clip.mp4", "the source"))
    end(inbox, made.job_id, JobState.SUCCEEDED)
    copy = inbox.put("copy.mp4", "the source")
    without_links(inbox, monkeypatch, how)
    killed_at(inbox, monkeypatch, (source, "take"), partial(inbox.submit, copy))
    assert inbox.scan() == [copy]
    assert not copy.exists()
    assert names(inbox.folder.archive) == ["clip.mp4", "copy.mp4"]


def test_what_one_who_was_killed_had_copied_is_removed_also_when_its_source_went_since(
    inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = inbox.put("clip.mp4", "the source")
    made = inbox.submit(path)
    theirs = inbox.folder.archive / f".{'0' * 32}.{'0' * 32}.part"
    theirs.parent.mkdir(parents=True)
    theirs.write_text("somebody else's")
    without_links(inbox, monkeypatch, "by a copy")
    copied = partial(end, inbox, made.job_id, JobState.SUCCEEDED)
    killed_at(inbox, monkeypatch, (shutil, "copystat"), copied)
    assert len(names(inbox.folder.archive)) == 2
    path.unlink()
    settle_all(inbox, made.job_id)
    assert names(inbox.folder.archive) == [theirs.name]
    assert inbox.job(made.job_id).source_fate == "gone"


@pytest.mark.parametrize("how", LINKS)
def test_the_names_of_a_moved_source_are_on_the_disk_before_its_place_is_recorded(
    inbox: Inbox, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    archive = inbox.folder.archive / "2024"
    made = inbox.submit(inbox.put("2024/clip.mp4", "the source"))
    without_links(inbox, monkeypatch, how)
    flush, move, take, done = durability.flush, settling.moved, source.take, list[object]()

    def noting(what: Callable[..., Any]) -> Callable[..., Any]:
        def noted(*arguments: Any, **named: Any) -> Any:
            done.append(arguments[0] if what is flush else what)
            return what(*arguments, **named)

        return noted

    for module in (durability, source):
        monkeypatch.setattr(module, "flush", noting(flush))
    monkeypatch.setattr(settling, "moved", noting(move))
    monkeypatch.setattr(source, "take", noting(take))
    end(inbox, made.job_id, JobState.SUCCEEDED)
    new = [folder.parent for folder in (inbox.folder.archive, archive)]
    assert done == [*new, archive, move, take]


def test_a_source_whose_quarantine_is_its_own_folder_by_another_name_stays(inbox: Inbox) -> None:
    alias = inbox.folder.path.with_name("alias")
    alias.symlink_to(inbox.folder.path)
    inbox.keeping(quarantine=alias)
    path = inbox.put("clip.mp4", "the source")
    made = inbox.submit(path)
    end(inbox, made.job_id, JobState.FAILED)
    assert path.read_text() == "the source"
    assert inbox.job(made.job_id).source_fate == "kept"
    inbox.submit(inbox.put("copy.mp4", "the source"))
    assert moved_to(inbox.folder.path) == ["clip.mp4", "copy.mp4"]


@pytest.mark.parametrize("how", LINKS)
def test_a_source_that_others_went_on_with_while_its_mover_was_paused_is_not_taken_back(
    inbox: Inbox, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    path = inbox.put("clip.mp4", "the source")
    made = inbox.submit(path)
    without_links(inbox, monkeypatch, how)
    meanwhile(monkeypatch, partial(settle_all, inbox, made.job_id))
    inbox.end(made.job_id, JobState.SUCCEEDED)
    settle_all(inbox, made.job_id)
    assert not path.exists()
    assert (inbox.folder.archive / "clip.mp4").read_text() == "the source"
    assert names(inbox.folder.archive) == ["clip.mp4"]
    assert inbox.job(made.job_id).source_fate == "moved"


@pytest.mark.parametrize("how", LINKS)
@pytest.mark.parametrize("then", ["nothing", "another file"])
def test_a_further_copy_that_two_move_at_once_is_moved_once(
    inbox: Inbox, monkeypatch: pytest.MonkeyPatch, how: str, then: str
) -> None:
    made = inbox.submit(inbox.put("clip.mp4", "the source"))
    end(inbox, made.job_id, JobState.SUCCEEDED)
    copy = inbox.put("copy.mp4", "the source")
    without_links(inbox, monkeypatch, how)

    def move_too() -> None:
        inbox.submit(copy)
        assert not copy.exists()
        if then == "another file":
            inbox.put("copy.mp4", "another")

    meanwhile(monkeypatch, move_too)
    inbox.submit(copy)
    assert copy.exists() == (then == "another file")
    assert (inbox.folder.archive / "copy.mp4").read_text() == "the source"
    assert names(inbox.folder.archive) == ["clip.mp4", "copy.mp4"]


@pytest.mark.parametrize("why", ["it may not be", "the database does not answer"])
def test_a_further_copy_that_could_not_be_taken_away_is_not_doubled_and_one_that_was_not_lost(
    inbox: Inbox, monkeypatch: pytest.MonkeyPatch, why: str
) -> None:
    made = inbox.submit(inbox.put("clip.mp4", "the source"))
    end(inbox, made.job_id, JobState.SUCCEEDED)
    copy = inbox.put("copy.mp4", "the source")
    take, failed = source.take, list[bool]()

    def refused(*arguments: Any) -> bool:
        if why == "the database does not answer" and not failed:
            take(*arguments)
        failed.append(True)
        problem = PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        raise DatabaseUnreachable("…", "away") if not copy.exists() else problem

    monkeypatch.setattr(source, "take", refused)
    if why == "it may not be":
        inbox.submit(copy)
        assert (copy.exists(), names(inbox.folder.archive)) == (True, ["clip.mp4"])
    else:
        with pytest.raises(DatabaseUnreachable):
            inbox.submit(copy)
        assert (copy.exists(), names(inbox.folder.archive)) == (False, ["clip.mp4", "copy.mp4"])
