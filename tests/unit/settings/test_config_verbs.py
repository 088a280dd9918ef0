"""`reelworks config check | schema | show`."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml
from click.testing import CliRunner, Result

from pipeline.app import runtime
from pipeline.cli import main
from pipeline.cli.config import config as verbs
from pipeline.cli.context import Cli
from pipeline.settings.load import OVERRIDES

if TYPE_CHECKING:
    from tests.unit.settings.conftest import Configuration


@pytest.fixture(autouse=True)
def _nothing_overridden(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in (*OVERRIDES, "REELWORKS_CONFIG"):
        # Set first, so that what a verb itself puts there is taken away after the test.
        monkeypatch.setenv(variable, "")
    # Another test may have had this process read its own configuration.
    runtime.cache_clear()


def call(config: Configuration, *words: str) -> Result:
    return CliRunner().invoke(verbs, words, obj=Cli(config.folder))


def test_a_right_configuration_passes(config: Configuration) -> None:
    result = call(config, "check")
    assert result.exit_code == 0
    assert str(config.folder) in result.output


def test_a_right_configuration_gives_no_lines_of_json(config: Configuration) -> None:
    result = call(config, "check", "--json")
    assert (result.exit_code, result.output) == (0, "")


def test_every_mistake_is_printed_with_its_hint_and_ends_with_2(config: Configuration) -> None:
    config.write("pipeline.yml", "borker: x\nlimits: {attempts: 0}\n")
    config.write("schedules.yml", "a: {task: scna, every: 1m}\n")
    result = call(config, "check")
    assert result.exit_code == 2
    assert result.stderr.count("error: ") == 3
    file = config.folder / "pipeline.yml"
    assert f"error: {file}:1: borker: is not a key here (it is 'x')\n" in result.stderr
    assert "hint: Did you mean 'broker'?" in result.stderr
    assert result.stdout == ""


def test_a_watermark_that_is_not_there_is_told_with_its_line(config: Configuration) -> None:
    config.write("profiles.yml", "web:\n  watermark:\n    file: ./logo.png\n")
    result = call(config, "check")
    assert result.exit_code == 2
    place = f"{config.folder / 'profiles.yml'}:3: web.watermark.file"
    logo = config.root / "logo.png"
    assert f"error: {place}: is not there (it is '{logo}')" in result.stderr
    assert "hint: Put a picture there" in result.stderr
    logo.write_bytes(b"")
    assert call(config, "check").exit_code == 0


def test_a_watermark_that_may_not_be_read_is_told_with_its_line(
    config: Configuration, monkeypatch: pytest.MonkeyPatch
) -> None:
    config.write("profiles.yml", "web:\n  watermark:\n    file: ./closed/logo.png\n")
    look = Path.stat

    def below_a_closed_folder(path: Path, **options: bool) -> os.stat_result:
        if path.parent.name == "closed":
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        return look(path, **options)

    monkeypatch.setattr(Path, "stat", below_a_closed_folder)
    result = call(config, "check")
    assert result.exit_code == 2
    place = f"{config.folder / 'profiles.yml'}:3: web.watermark.file"
    assert f"error: {place}: can't be read: Permission denied (it is '" in result.stderr
    assert "hint: Let the user who runs Reelworks read it" in result.stderr


def test_other_verbs_tell_the_first_mistake_and_where_to_see_the_rest(
    config: Configuration, capsys: pytest.CaptureFixture[str]
) -> None:
    config.write("pipeline.yml", "borker: x\nlimits: {attempts: 0}\n")
    with pytest.raises(SystemExit) as ended:
        main(["--config", str(config.folder), "jobs"])
    said = capsys.readouterr().err
    assert ended.value.code == 2
    assert said.startswith(f"error: {config.folder / 'pipeline.yml'}:1: borker: is not a key here")
    assert "1 more: `reelworks config check` lists them." in said


def test_mistakes_are_json_on_request(config: Configuration) -> None:
    config.write("pipeline.yml", "borker: x\nlimits: {attempts: 0}\n")
    result = call(config, "check", "--json")
    assert result.exit_code == 2
    first, second = map(json.loads, result.stdout.splitlines())
    assert first == {
        "file": str(config.folder / "pipeline.yml"),
        "line": 1,
        "key": "borker",
        "value": "x",
        "variable": None,
        "problem": "is not a key here",
        "hint": first["hint"],
    }
    assert first["hint"].startswith("Did you mean 'broker'?")
    assert (second["key"], second["line"]) == ("limits.attempts", 2)


def test_what_is_in_force_is_shown_without_secrets(
    config: Configuration, monkeypatch: pytest.MonkeyPatch
) -> None:
    config.write("notifications.yml", "channels: {team: {url: 'slack://hunter2'}}\n")
    config.write("schedules.yml", "a: {task: scan, every: 90s}\n")
    monkeypatch.setenv("REELWORKS_FLOWER_PASSWORD", "hunter2")
    monkeypatch.setenv("REELWORKS_BROKER", "redis://me:hunter2@h/0")
    monkeypatch.setenv("REELWORKS_DATABASE", "postgresql://h/d?password=hunter2")
    text = call(config, "show").output
    as_json = call(config, "show", "--json").output
    assert "hunter2" not in text + as_json
    assert "# REELWORKS_BROKER overrides broker\n" in text
    said = yaml.safe_load(text)
    assert said["pipeline.yml"]["broker"] == "redis://me:**@h/0"
    assert said["pipeline.yml"]["web"]["listen"] == "127.0.0.1:8080"
    assert said["pipeline.yml"]["limits"]["deadline"] == "1d"
    assert said["profiles.yml"]["web"]["video"]["ladder"] == [720, 360]
    assert said["schedules.yml"]["a"]["every"] == "1m30s"
    spoken = json.loads(as_json)
    assert spoken["overridden"]["REELWORKS_FLOWER_PASSWORD"] == "flower.password"
    assert spoken["root"] == str(config.root)
    assert {name: spoken[name] for name in said} == said


def test_the_schemas_of_all_files_are_printed(config: Configuration) -> None:
    schemas = json.loads(call(config, "schema").output)
    assert schemas.keys() == {
        *("pipeline.yml", "profiles.yml"),
        *("schedules.yml", "notifications.yml"),
    }
    limits = schemas["pipeline.yml"]["$defs"]["Limits"]["properties"]
    assert (limits["attempts"]["minimum"], limits["attempts"]["maximum"]) == (1, 100)
    assert limits["deadline"]["default"] == "1d"
    assert schemas["pipeline.yml"]["$defs"]["WebSettings"]["properties"]["listen"]["default"] == (
        "127.0.0.1:8080"
    )
    folder = schemas["pipeline.yml"]["$defs"]["WatchFolder"]
    assert folder["required"] == ["path"]
    assert "default" not in folder["properties"]["archive"]


def test_the_schemas_need_no_configuration(tmp_path_factory: pytest.TempPathFactory) -> None:
    nowhere = tmp_path_factory.mktemp("none") / "config"
    assert CliRunner().invoke(verbs, ["schema"], obj=Cli(nowhere)).exit_code == 0
