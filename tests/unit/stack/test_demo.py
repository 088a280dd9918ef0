"""The demo's private system touches no other one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.errors import ReelworksError
from pipeline.settings import addresses
from pipeline.settings.load import Settings
from pipeline.stack import demo

Configured = Callable[[str], Settings]


@pytest.fixture
def private(
    configured: Configured, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[str], Settings]:
    for variable in ("REELWORKS_CONFIG", "REELWORKS_BROKER", "REELWORKS_STATE"):
        monkeypatch.setenv(variable, "")

    def make(text: str = "watch: []") -> Settings:
        return demo.private_settings(configured(text), tmp_path / "demo")

    return make


def test_everything_of_it_lies_in_its_own_folder(
    private: Callable[..., Settings], tmp_path: Path
) -> None:
    settings = private("broker: amqp://elsewhere//\nwatch: [{path: /srv/inbox}]")
    paths = settings.pipeline.paths
    mine = [paths.library, paths.work, paths.state, settings.pipeline.watch[0].path]
    assert all(path.is_relative_to(tmp_path / "demo") for path in mine)
    assert addresses.broker_is_embedded(settings)
    assert addresses.database_is_embedded(settings)


def test_addresses_in_the_environment_do_not_reach_it(
    private: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REELWORKS_BROKER", "amqp://elsewhere//")
    assert addresses.broker_is_embedded(private())


def test_limits_workers_and_tools_are_the_users(private: Callable[..., Settings]) -> None:
    settings = private(
        "limits: {deadline: 2h, attempts: 5}\nworkers: {encode: 2}\ntools: {ffmpeg: /opt/ffmpeg}"
    )
    assert settings.pipeline.limits.deadline.total_seconds() == 7200
    assert settings.pipeline.limits.attempts == 5
    assert settings.pipeline.workers.encode_slots() == 2
    assert settings.pipeline.tools.ffmpeg == Path("/opt/ffmpeg")


def test_a_file_no_watched_folder_takes_is_refused_by_name(
    private: Callable[..., Settings],
) -> None:
    settings = private()
    demo.check_name("clip.mp4", settings)
    for name in ("notes.txt", ".hidden.mp4", "clip"):
        with pytest.raises(ReelworksError) as raised:
            demo.check_name(name, settings)
        assert raised.value.code == "usage"


def test_a_dropped_file_keeps_its_name_and_leaves_no_draft(
    private: Callable[..., Settings], tmp_path: Path
) -> None:
    clip = tmp_path / "clip.mp4"
    clip.write_bytes(b"moving pictures")
    settings = private()
    dropped = demo.drop(clip, settings)
    assert dropped.read_bytes() == b"moving pictures"
    assert list(settings.pipeline.watch[0].path.iterdir()) == [dropped]


def test_two_demos_in_one_second_have_folders_of_their_own(tmp_path: Path) -> None:
    first = demo.new_folder(tmp_path)
    first.mkdir()
    second = demo.new_folder(tmp_path)
    assert second != first


def test_only_the_newest_demos_are_kept_and_nothing_else_is_touched(tmp_path: Path) -> None:
    names = [f"2026-01-0{day}-120000" for day in range(1, 8)]
    for name in (*names, "mine"):
        (tmp_path / name).mkdir()
    removed = demo.forget_old(tmp_path, 3)
    assert [path.name for path in removed] == names[:4]
    assert sorted(path.name for path in tmp_path.iterdir()) == [*names[4:], "mine"]
    assert demo.forget_old(tmp_path / "nowhere") == []


def test_a_file_whose_name_is_as_long_as_can_be_is_taken(
    private: Callable[..., Settings], tmp_path: Path
) -> None:
    clip = tmp_path / f"{'x' * 251}.mp4"
    clip.write_bytes(b"a clip")
    taken = demo.drop(clip, private())
    assert taken.name == clip.name
    assert [path.read_bytes() for path in taken.parent.iterdir()] == [b"a clip"]


def test_a_file_that_cannot_be_copied_is_an_error_in_words(
    private: Callable[..., Settings], tmp_path: Path
) -> None:
    with pytest.raises(ReelworksError, match="can't be copied") as caught:
        demo.drop(tmp_path / "gone.mp4", private())
    assert caught.value.code == "unreadable"
