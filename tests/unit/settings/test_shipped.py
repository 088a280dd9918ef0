"""The configuration that comes with Reelworks, and the page that explains it."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from pipeline.settings.load import FILES, OVERRIDES, Settings, load_settings
from pipeline.settings.schema import json_schemas

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.unit.settings.conftest import Configuration

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs/configuration.md"
_BLOCK = re.compile(r"```yaml\n# (\w+\.yml)\n(.*?)```", re.DOTALL)


@pytest.fixture(scope="module")
def shipped() -> Settings:
    return load_settings(ROOT / "config", {})


def test_the_inbox_is_watched_and_scanned_every_minute(shipped: Settings) -> None:
    (watched,) = shipped.pipeline.watch
    assert watched.path == ROOT / "media/inbox"
    scan = shipped.schedules["scan-inbox"]
    assert (scan.task, scan.folder, scan.every) == ("scan", watched.path, timedelta(minutes=1))
    assert scan.enabled


def test_there_is_a_profile_for_the_web_and_one_for_small_screens(shipped: Settings) -> None:
    assert shipped.profile("web").video.ladder[0] == 4320
    assert max(shipped.profile("mobile").video.ladder) == 480


def test_what_is_shown_is_the_default(shipped: Settings, config: Configuration) -> None:
    defaults = config.load().pipeline
    for part in ("limits", "web", "flower", "workers", "tools", "broker", "results", "database"):
        assert getattr(shipped.pipeline, part) == getattr(defaults, part)
    written, default = shipped.pipeline.watch[0], defaults.watch[0]
    assert written.model_dump(exclude={"path", "archive", "quarantine"}) == default.model_dump(
        exclude={"path", "archive", "quarantine"}
    )


@pytest.mark.parametrize("name", FILES)
def test_every_commented_example_works_once_it_is_uncommented(
    config: Configuration, name: str
) -> None:
    """An example is a comment that is YAML of one key; remarks have no `: ` after one word."""
    for file in FILES:
        config.write(file, (ROOT / "config" / file).read_text(encoding="utf-8"))
    text = (config.folder / name).read_text(encoding="utf-8")
    config.write(name, re.sub(r"^( *)# ([a-z-]+: )", r"\1\2", text, flags=re.MULTILINE))
    (config.root / "config/mail.url").write_text("mailto://host", encoding="utf-8")
    (config.root / "config/ca.pem").touch()
    settings = config.load(TEAM_WEBHOOK="json://host")
    if name == "notifications.yml":
        assert settings.notifications.channels.keys() == {"team", "mail"}
    if name == "schedules.yml":
        assert settings.schedules["nightly-scan"].cron == "0 5 * * *"


def _keys(schema: dict[str, Any], node: dict[str, Any], place: str) -> Iterator[str]:
    """Name every key below `node`: `watch[].path`, `NAME.video.crf`."""
    for part in (node, *node.get("anyOf", ())):
        if "$ref" in part:
            yield from _keys(schema, schema["$defs"][part["$ref"].rpartition("/")[2]], place)
        if "items" in part:
            yield from _keys(schema, part["items"], f"{place}[]")
        if isinstance(part.get("additionalProperties"), dict):
            yield from _keys(schema, part["additionalProperties"], f"{place}.NAME".lstrip("."))
        for key, value in part.get("properties", {}).items():
            inner = f"{place}.{key}".lstrip(".")
            below = list(_keys(schema, value, inner))
            yield from below or [inner]


@pytest.mark.parametrize("name", FILES)
def test_the_page_explains_every_key(name: str) -> None:
    schema = json_schemas()[name]
    keys = set(_keys(schema, schema, ""))
    section = PAGE.read_text(encoding="utf-8").partition(f"\n## {name}\n")[2].partition("\n## ")[0]
    explained = set(re.findall(r"^\| `([^`]+)` \|", section, flags=re.MULTILINE))
    assert len(keys) >= 2
    assert explained == keys


def test_the_page_names_every_variable_that_overrides() -> None:
    rows = re.findall(
        r"^\| `(REELWORKS_\w+)` \| `([\w.]+)`[^|]* \|",
        PAGE.read_text(encoding="utf-8"),
        re.MULTILINE,
    )
    assert dict(rows) == {variable: ".".join(place) for variable, place in OVERRIDES.items()}


def test_every_example_of_the_page_works(config: Configuration) -> None:
    examples = _BLOCK.findall(PAGE.read_text(encoding="utf-8"))
    assert {name for name, _ in examples} == set(FILES)
    (config.root / "config/mail.url").write_text("mailto://host", encoding="utf-8")
    (config.root / "config/ca.pem").touch()
    originals = {file: (ROOT / "config" / file).read_text(encoding="utf-8") for file in FILES}
    for name, text in examples:
        assert yaml.safe_load(text)
        for file, original in originals.items():
            config.write(file, original if file != name else text)
        if name == "pipeline.yml":
            config.write("schedules.yml", "")
        config.load(
            TEAM_WEBHOOK="json://host", BROKER_PASSWORD="secret", MEDIA_KEY="0123456789abcdef" * 2
        )
