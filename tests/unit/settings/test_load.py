"""Loading the whole configuration: which folder, what overrides, every mistake at once."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pipeline.settings.errors import ConfigurationError, nearest
from pipeline.settings.load import OVERRIDES, load_settings

if TYPE_CHECKING:
    from tests.unit.settings.conftest import Configuration


def test_a_folder_that_may_not_be_looked_at_is_told_in_words(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="can't be read: File name too long"):
        load_settings(tmp_path / ("n" * 300), {})


def test_the_named_folder_goes_before_the_environment_and_that_before_the_current_one(
    config: Configuration, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(config.root)
    elsewhere = {"REELWORKS_CONFIG": str(tmp_path / "elsewhere")}
    assert load_settings(config.folder, elsewhere).config_dir == config.folder
    assert load_settings(None, {"REELWORKS_CONFIG": str(config.folder)}).root == config.root
    assert load_settings(None, {}).config_dir == config.folder
    assert load_settings(Path("config/../config"), {}).root == config.root


def test_without_an_environment_given_the_one_of_the_process_is_taken(
    config: Configuration, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in OVERRIDES:
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("REELWORKS_BROKER", "redis://from-the-environment")
    assert load_settings(config.folder).pipeline.broker == "redis://from-the-environment"


def test_a_folder_that_is_not_there_is_told_with_how_to_name_it(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="is not there") as caught:
        load_settings(tmp_path / "nowhere", {})
    assert "--config DIR" in caught.value.hint


def test_a_file_in_place_of_the_folder_is_told(config: Configuration) -> None:
    with pytest.raises(ConfigurationError, match="is a file, not a folder"):
        load_settings(config.folder / "pipeline.yml", {})


def test_a_folder_in_the_home_of_an_unknown_user_is_told() -> None:
    with pytest.raises(ConfigurationError, match="REELWORKS_CONFIG: begins with the home"):
        load_settings(None, {"REELWORKS_CONFIG": "~nobody-of-that-name/config"})


@pytest.mark.parametrize("name", ["pipeline.yml", "profiles.yml"])
def test_a_missing_or_empty_file_is_told_with_where_to_get_one(
    config: Configuration, name: str
) -> None:
    config.write(name, "# all commented out\n")
    empty = config.mistake()
    (config.folder / name).unlink()
    missing = config.mistake()
    assert (empty.problem, missing.problem) == ("it is empty", "it is missing")
    assert empty.file == missing.file == config.folder / name
    assert "comes with Reelworks" in missing.hint


def test_schedules_and_notifications_may_be_missing(config: Configuration) -> None:
    settings = config.load()
    assert settings.schedules == {}
    assert settings.notifications.channels == {}


@pytest.mark.parametrize("name", ["schedules", "notifications"])
def test_a_file_of_nearly_the_right_name_is_not_passed_over(
    config: Configuration, name: str
) -> None:
    config.write(f"{name}.yaml", "")
    mistake = config.mistake()
    assert mistake.file == config.folder / f"{name}.yaml"
    assert mistake.hint == f"Rename it to {name}.yml."


def test_the_environment_overrides_what_is_written(config: Configuration) -> None:
    config.write(
        "pipeline.yml",
        "broker: redis://written\npaths: {library: a, work: b}\nwatch: []\n"
        "tags: [big-disk, licensed]\n",
    )
    values = {
        "REELWORKS_BROKER": "amqp://h",
        "REELWORKS_RESULTS": "rpc://",
        "REELWORKS_DATABASE": "postgresql://h/d",
        "REELWORKS_LIBRARY": "over/library",
        "REELWORKS_WORK": "/over/work",
        "REELWORKS_STATE": "over/state",
        "REELWORKS_WEB_LISTEN": "0.0.0.0:1",
        "REELWORKS_FLOWER_LISTEN": "0.0.0.0:2",
        "REELWORKS_FLOWER_PASSWORD": "swordfish",
        "REELWORKS_WORKER_TAGS": "big-disk,licensed",
        "REELWORKS_FFMPEG": "/usr/bin/ffmpeg",
        "REELWORKS_FFPROBE": "/usr/bin/ffprobe",
        "REELWORKS_PACKAGER": "/usr/bin/packager",
        "REELWORKS_VALKEY": "/usr/bin/valkey-server",
    }
    assert values.keys() == OVERRIDES.keys()
    pipeline = config.load(**values).pipeline
    assert (pipeline.broker, pipeline.results) == ("amqp://h", "rpc://")
    assert pipeline.database == "postgresql://h/d"
    assert pipeline.paths.library == config.root / "over/library"
    assert pipeline.paths.work == Path("/over/work")
    assert pipeline.paths.state == config.root / "over/state"
    assert (str(pipeline.web.listen), str(pipeline.flower.listen)) == ("0.0.0.0:1", "0.0.0.0:2")
    assert pipeline.flower.password is not None
    assert pipeline.flower.password.get_secret_value() == "swordfish"
    assert pipeline.workers.tags == ("big-disk", "licensed")
    assert pipeline.tools.valkey == Path("/usr/bin/valkey-server")


def test_an_empty_variable_overrides_nothing(config: Configuration) -> None:
    assert config.load(REELWORKS_BROKER="").pipeline.broker == "embedded"


def test_a_variable_may_refer_to_a_file_too(config: Configuration) -> None:
    (config.root / "broker.url").write_text("redis://:secret@h\n", encoding="utf-8")
    settings = config.load(REELWORKS_BROKER="${file:broker.url}")
    assert settings.pipeline.broker == "redis://:secret@h"


def test_a_mistake_in_a_variable_names_it_and_no_file(config: Configuration) -> None:
    mistake = config.mistake(REELWORKS_WEB_LISTEN="foo")
    assert (mistake.variable, mistake.key, mistake.value) == (
        *("REELWORKS_WEB_LISTEN", "web.listen"),
        "foo",
    )
    assert (mistake.file, mistake.line) == (None, None)
    assert mistake.message.startswith("REELWORKS_WEB_LISTEN: web.listen: is not an address")


def test_a_missing_secret_in_a_variable_names_both(config: Configuration) -> None:
    mistake = config.mistake(REELWORKS_FLOWER_PASSWORD="${file:/nowhere/at-all}")
    assert mistake.variable == "REELWORKS_FLOWER_PASSWORD"
    assert mistake.problem == "the file /nowhere/at-all can't be read: No such file or directory"


def test_a_mistake_in_a_variable_tells_no_password(config: Configuration) -> None:
    password = config.mistake(REELWORKS_FLOWER_PASSWORD="hunter2,")
    broker = config.mistake(REELWORKS_BROKER="reddis://me:hunter2@h")
    assert "hunter2" not in f"{password} {broker}"


def test_a_missing_secret_is_no_mistake_where_the_environment_overrides_it(
    config: Configuration,
) -> None:
    config.write("pipeline.yml", "broker: ${env:BROKER_URL}\n")
    assert config.load(REELWORKS_BROKER="redis://h").pipeline.broker == "redis://h"


def test_every_mistake_of_every_file_is_told_at_once_in_reading_order(
    config: Configuration,
) -> None:
    config.write(
        "pipeline.yml",
        "borker: x\nlimits: {attempts: 0}\nlimits: {}\nweb: {listen: 80}\nwatch: [{path: in}]\n",
    )
    config.write("profiles.yml", "web: {video: {crf: 99}}\nfilm: {package: [hsl]}\n")
    config.write("schedules.yml", "a: {task: scan}\nb: {task: scna, every: 1m}\n")
    config.write("notifications.yml", "channels:\n  a: {url: x}\n  b: {url: '${env:NO}'}\n")
    found = config.mistakes(REELWORKS_STATE="~nobody-of-that-name")
    assert [(m.file.name if m.file else m.variable, m.line, m.key) for m in found] == [
        ("REELWORKS_STATE", None, "paths.state"),
        ("pipeline.yml", 1, "borker"),
        ("pipeline.yml", 2, "limits.attempts"),
        ("pipeline.yml", 3, "limits"),
        ("pipeline.yml", 4, "web.listen"),
        ("profiles.yml", 1, "web.video.crf"),
        ("profiles.yml", 2, "film.package[0]"),
        ("schedules.yml", 1, "a"),
        ("schedules.yml", 2, "b.task"),
        ("notifications.yml", 2, "channels.a.url"),
        ("notifications.yml", 3, "channels.b.url"),
    ]


def test_a_file_that_is_not_yaml_does_not_hide_the_mistakes_of_others(
    config: Configuration,
) -> None:
    config.write("pipeline.yml", "a: [\n")
    config.write("profiles.yml", "- web\n")
    config.write("schedules.yml", "nightly: {task: scan, folder: ./media/inbox, every: 0s}\n")
    found = config.mistakes()
    assert [mistake.file and mistake.file.name for mistake in found] == [
        *("pipeline.yml", "profiles.yml"),
        "schedules.yml",
    ]


def test_a_profile_that_is_asked_for_and_not_there_is_told_with_the_nearest(
    config: Configuration,
) -> None:
    with pytest.raises(ConfigurationError, match="there is no profile 'wep'") as caught:
        config.load().profile("wep")
    assert caught.value.hint == "Did you mean 'web'? Valid: web."
    assert caught.value.file == config.folder / "profiles.yml"


def test_the_watched_folder_of_a_path_is_found(config: Configuration) -> None:
    settings = config.load()
    (watched,) = settings.pipeline.watch
    assert settings.folder_for(watched.path / "a/b.mp4") == watched
    assert settings.folder_for(watched.path / "../inbox/b.mp4") == watched
    assert settings.folder_for(watched.path) is None
    assert settings.folder_for(watched.path / "../b.mp4") is None
    assert settings.folder_for(config.root / "media/inbox-2/b.mp4") is None


def test_a_relative_path_is_taken_from_where_the_command_runs(
    config: Configuration, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = config.load()
    monkeypatch.chdir(config.root)
    assert settings.folder_for(Path("media/inbox/b.mp4")) == settings.pipeline.watch[0]


def test_the_watched_folder_is_found_through_links(config: Configuration) -> None:
    (config.root / "disk").mkdir()
    (config.root / "media").mkdir()
    (config.root / "media/inbox").symlink_to(config.root / "disk")
    settings = config.load()
    assert settings.folder_for(config.root / "disk/b.mp4") == settings.pipeline.watch[0]


def test_the_nearest_choice_ignores_case_and_long_lists_are_not_shown() -> None:
    assert nearest("KEEP", ["keep", "archive"]) == "Did you mean 'keep'? Valid: keep, archive."
    assert nearest("zzz", ["keep"]) == "Valid: keep."
    assert nearest("Europ/Paris", ["Europe/Paris", *map(str, range(20))]) == (
        "Did you mean 'Europe/Paris'?"
    )
    assert nearest("zzz", map(str, range(20))) == ""
    assert nearest("zzz", []) == ""
