"""The watcher takes files the moment they are whole, and never before."""

from __future__ import annotations

import logging
import os
import shutil
import subprocess
import threading
from pathlib import Path
from typing import Any

import pytest
from watchdog.observers.inotify_c import InotifyConstants, InotifyEvent, InotifyFD

from pipeline import watch
from pipeline.errors import ReelworksError
from pipeline.ingest import hands
from pipeline.models import JobState
from tests.integration.watch.conftest import Watched


def test_a_file_is_taken_when_its_writer_closes_it_and_not_before(watched: Watched) -> None:
    with watched.watching():
        with (watched.inbox / "film.mkv").open("wb") as writer:
            writer.write(b"half")
            writer.flush()
            watched.quietly()
            assert watched.names() == []
            writer.write(b"the other half")
        watched.until(lambda: watched.names() == ["film.mkv"])
    job = watched.jobs()["film.mkv"]
    assert job.source_bytes == len("halfthe other half")
    assert watched.published == [job.id]


@pytest.mark.parametrize("where", ["", "sub/"])
def test_a_file_moved_in_is_taken_at_once(watched: Watched, where: str) -> None:
    outside = watched.root / "film.mkv"
    outside.write_text("a film")
    (watched.inbox / where).mkdir(exist_ok=True)
    with watched.watching():
        outside.rename(watched.inbox / where / "film.mkv")
        watched.until(lambda: watched.names() == ["film.mkv"])


def test_a_temporary_name_is_left_alone_until_it_is_renamed(watched: Watched) -> None:
    with watched.watching():
        hidden = watched.inbox / ".film.mkv.Xy12Zq"
        hidden.write_text("a film")
        watched.quietly()
        assert watched.names() == []
        hidden.rename(watched.inbox / "film.mkv")
        watched.until(lambda: watched.names() == ["film.mkv"])


def test_the_files_of_a_folder_that_is_moved_in_are_taken(watched: Watched) -> None:
    watched.rules(settle_seconds=0.2)
    folder = watched.root / "card"
    (folder / "DCIM").mkdir(parents=True)
    for name in ("a.mkv", "DCIM/b.mkv"):
        (folder / name).write_text(name)
    with watched.watching():
        folder.rename(watched.inbox / "card")
        watched.until(lambda: watched.names() == ["a.mkv", "b.mkv"])
        (watched.inbox / "card" / "DCIM" / "c.mkv").write_text("its folder is watched too")
        watched.until(lambda: watched.names() == ["a.mkv", "b.mkv", "c.mkv"])


def test_what_was_there_before_is_taken_when_it_has_not_changed_lately(watched: Watched) -> None:
    watched.rules(settle_seconds=1.0)
    (watched.inbox / "old.mkv").write_text("old")
    watched.quietly(1.1)
    (watched.inbox / "new.mkv").write_text("new")
    with watched.watching():
        watched.until(lambda: watched.names() == ["old.mkv"])
        watched.until(lambda: watched.names() == ["new.mkv", "old.mkv"])


def test_a_writer_who_comes_back_makes_the_job_begin_again_once(watched: Watched) -> None:
    watched.rules(settle_seconds=0.5)
    path = watched.inbox / "film.mkv"
    with watched.watching():
        path.write_text("one,")
        watched.until(lambda: watched.names() == ["film.mkv"])
        first = watched.jobs()["film.mkv"]
        for _ in range(3):
            watched.quietly(0.7)
            with path.open("a") as writer:
                writer.write("more,")
        watched.until(lambda: watched.jobs()["film.mkv"].run == 2)
        watched.quietly(1.0)
    (job,) = watched.jobs().values()
    assert (job.id, job.run, job.state) == (first.id, 2, JobState.QUEUED)
    assert job.source_bytes == len("one,more,more,more,")
    assert watched.published == [job.id, job.id]


def test_a_file_that_says_it_is_incomplete_is_waited_for(watched: Watched) -> None:
    watched.rules(settle_seconds=0.3)
    with watched.watching():
        (watched.inbox / "empty.mkv").touch()
        watched.quietly(1.0)
        assert watched.names() == []
        watched.until(lambda: watched.names() == ["empty.mkv"])


def test_a_download_is_waited_for_under_its_own_name(watched: Watched) -> None:
    watched.rules(settle_seconds=0.3)
    part = watched.inbox / "film.mkv.part"
    with watched.watching():
        part.touch()
        (watched.inbox / "film.mkv").touch()
        watched.quietly(4.0)
        assert watched.names() == []
        part.write_text("a film")
        part.rename(watched.inbox / "film.mkv")
        watched.until(lambda: watched.names() == ["film.mkv"])
    assert watched.jobs()["film.mkv"].source_bytes == len("a film")


def test_links_pipes_and_folders_are_never_taken(watched: Watched) -> None:
    watched.rules(settle_seconds=0.2)
    secret = watched.root / "secret.mkv"
    secret.write_text("not for the library")
    elsewhere = watched.root / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "film.mkv").write_text("nor this")
    with watched.watching():
        (watched.inbox / "link.mkv").symlink_to(secret)
        (watched.inbox / "folder").symlink_to(elsewhere)
        (watched.inbox / "loop.mkv").symlink_to("loop.mkv")
        os.mkfifo(watched.inbox / "pipe.mkv")
        (watched.inbox / "folder.mkv").mkdir()
        (watched.inbox / "film.mkv").write_text("a film")
        watched.until(lambda: watched.names() == ["film.mkv"])
        watched.quietly(1.0)
    assert watched.names() == ["film.mkv"]


def test_a_marker_is_waited_for_and_then_nothing_else(watched: Watched) -> None:
    watched.rules(marker=".ready")
    with watched.watching():
        (watched.inbox / "a.mkv").write_text("a film")
        (watched.inbox / "b.mkv").write_text("another")
        watched.quietly()
        assert watched.names() == []
        (watched.inbox / "a.mkv.ready").touch()
        watched.until(lambda: watched.names() == ["a.mkv"])
        (watched.inbox / "b.ready").touch()
        watched.until(lambda: watched.names() == ["a.mkv", "b.mkv"])


def test_a_sidecar_that_comes_later_is_taken_account_of(watched: Watched) -> None:
    path = watched.inbox / "film.mkv"
    with watched.watching():
        path.write_text("a film")
        watched.until(lambda: watched.names() == ["film.mkv"])
        Path(f"{path}.yml").write_text("profile: slow\ntitle: The film\n")
        watched.until(lambda: watched.jobs()["film.mkv"].run == 2)
    (job,) = watched.jobs().values()
    assert (job.profile, job.title) == ("slow", "The film")


def test_a_wrong_sidecar_fails_the_job_with_its_line(watched: Watched) -> None:
    path = watched.inbox / "film.mkv"
    Path(f"{path}.yml").write_text("title: The film\nprofil: slow\n")
    with watched.watching():
        path.write_text("a film")
        watched.until((watched.inbox.parent / "quarantine" / "film.mkv.yml").exists)
    job = watched.jobs()["film.mkv"]
    assert (job.state, job.error_code) == (JobState.FAILED, "bad_sidecar")
    # Its name alone: the sidecar lies in another folder by now.
    assert (job.error_message or "").startswith("film.mkv.yml:2: profil: is not a key here")
    assert "Did you mean 'profile'?" in (job.error_hint or "")
    assert watched.published == []
    assert not path.exists()
    assert not Path(f"{path}.yml").exists()


def test_when_the_kernel_drops_events_the_folders_are_looked_through(
    watched: Watched, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    watched.rules(settle_seconds=0.1)
    instances: list[InotifyFD] = []
    real = InotifyFD.handle_event

    def drop(self: InotifyFD, event: InotifyEvent) -> None:
        instances.append(self)
        if event.is_queue_overflow:
            real(self, event)

    monkeypatch.setattr(InotifyFD, "handle_event", drop)
    with watched.watching():
        (watched.inbox / "film.mkv").write_text("a film")
        watched.quietly()
        assert watched.names() == []
        overflow = InotifyEvent(-1, InotifyConstants.IN_Q_OVERFLOW, 0, b"")  # type: ignore[arg-type]
        instances[0].handle_event(overflow)
        watched.until(lambda: watched.names() == ["film.mkv"])
    assert "the kernel dropped events" in caplog.text


def test_a_folder_beyond_the_limit_of_watches_is_looked_through(
    watched: Watched, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    watched.rules(settle_seconds=0.1)
    (watched.inbox / "sub").mkdir()
    real = InotifyFD.add_callback

    def full(self: InotifyFD, path: bytes, *rest: object) -> object:
        if path.endswith(b"/sub"):
            raise OSError(28, "inotify watch limit reached")
        return real(self, path, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(InotifyFD, "add_callback", full)
    monkeypatch.setattr("pipeline.watch.UNWATCHED_S", 0.3)
    with watched.watching():
        (watched.inbox / "sub" / "film.mkv").write_text("a film")
        watched.until(lambda: watched.names() == ["film.mkv"])
    assert "it is looked through every" in caplog.text


def test_without_an_inotify_instance_folders_are_looked_through(
    watched: Watched, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def none_left() -> int:
        raise OSError(24, "inotify instance limit reached")

    watched.rules(settle_seconds=0.1)
    monkeypatch.setattr(InotifyFD, "_create_inotify_fd", staticmethod(none_left))
    monkeypatch.setattr("pipeline.watch.UNWATCHED_S", 0.3)
    with watched.watching():
        (watched.inbox / "film.mkv").write_text("a film")
        watched.until(lambda: watched.names() == ["film.mkv"])
    assert "inotify instance limit reached" in caplog.text


def test_a_polled_folder_waits_until_files_settle_also_across_a_restart(watched: Watched) -> None:
    watched.rules(polling=True, settle_seconds=9.0)
    path = watched.inbox / "film.mkv"
    path.write_text("a film")
    with watched.watching():
        watched.quietly(3.0)
    assert watched.names() == []
    with watched.watching():
        watched.until(lambda: watched.names() == ["film.mkv"], patience_s=8.5)


def test_a_polled_file_that_changed_while_nobody_looked_is_waited_for_anew(
    watched: Watched,
) -> None:
    watched.rules(polling=True, settle_seconds=2.0)
    path = watched.inbox / "film.mkv"
    path.write_text("half")
    with watched.watching():
        watched.quietly(1.5)
    path.write_text("a whole film")
    with watched.watching():
        watched.quietly(1.5)
        assert watched.names() == []
        watched.until(lambda: watched.names() == ["film.mkv"])
    assert watched.jobs()["film.mkv"].source_bytes == len("a whole film")


def test_a_folder_that_goes_away_ends_the_watcher_in_words(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipeline.watch.CHECK_S", 0.2)
    with watched.watching():
        shutil.rmtree(watched.inbox)
        watched.until(lambda: watched.problem is not None)
    assert isinstance(watched.problem, ReelworksError)
    assert watched.problem.code == "watch_lost"


@pytest.mark.parametrize("inplace", [False, True])
@pytest.mark.skipif(shutil.which("rsync") is None, reason="rsync is not installed")
def test_rsync_brings_a_file_once(watched: Watched, inplace: bool) -> None:
    source = watched.root / "film.mkv"
    source.write_bytes(os.urandom(3 << 20))
    with watched.watching():
        options = ["--times", "--bwlimit=4000", *(["--inplace"] if inplace else [])]
        subprocess.run(["rsync", *options, str(source), f"{watched.inbox}/"], check=True)
        watched.until(lambda: watched.names() == ["film.mkv"])
        watched.quietly()
    (job,) = watched.jobs().values()
    assert (job.run, job.source_bytes) == (1, 3 << 20)
    assert watched.published == [job.id]


@pytest.mark.parametrize("from_the_start", [True, False])
def test_a_folder_that_does_not_answer_holds_up_no_other(
    watched: Watched,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    from_the_start: bool,
) -> None:
    """As of a share whose server is gone: each question about it waits for ever."""
    caplog.set_level(logging.INFO)
    gone = watched.beside("gone")
    gone.path.mkdir()
    (gone.path / "there.mkv").write_text("there")
    hangs, answers = threading.Event(), threading.Event()
    scan, stat = os.scandir, Path.stat

    def waits(path: object) -> None:
        if hangs.is_set() and str(path).startswith(str(gone.path)):
            answers.wait()

    def scandir(path: str) -> Any:
        waits(path)
        return scan(path)

    def stat_of(path: Path, **options: Any) -> os.stat_result:
        waits(path)
        return stat(path, **options)

    monkeypatch.setattr(os, "scandir", scandir)
    monkeypatch.setattr(Path, "stat", stat_of)
    for name, value in (("START_S", 0.2), ("CHECK_S", 0.05), ("POLL_S", 0.05)):
        monkeypatch.setattr(watch, name, value)
    monkeypatch.setattr(hands, "HUNG_S", 0.3)
    if from_the_start:
        hangs.set()
    try:
        with watched.watching():
            hangs.set()
            watched.until(lambda: f"{gone.path} does not answer" in caplog.text)
            (watched.inbox / "film.mkv").write_text("a film")
            watched.until(lambda: "film.mkv" in watched.names())
            answers.set()
            watched.until(lambda: "there.mkv" in watched.names())
            watched.until(lambda: f"{gone.path} answers again" in caplog.text)
    finally:
        answers.set()
    assert watched.problem is None


def test_a_folder_that_never_answers_keeps_nobody_from_stopping(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone, answers, stat = watched.beside("gone"), threading.Event(), Path.stat

    def stat_of(path: Path, **options: Any) -> os.stat_result:
        if path == gone.path:
            answers.wait()
        return stat(path, **options)

    monkeypatch.setattr(Path, "stat", stat_of)
    monkeypatch.setattr(watch, "START_S", 0.1)
    try:
        with watched.watching():
            assert watched.watcher is not None
    finally:
        answers.set()
