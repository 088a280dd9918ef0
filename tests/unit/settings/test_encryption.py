"""The key of a profile: what can be wrong with it, and that nothing shows it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from pipeline.cli.config import described

if TYPE_CHECKING:
    from tests.unit.settings.conftest import Configuration

KEY_ID, KEY = "6f651ae1dbe44434bcb4690d1564c41c", "0123456789abcdef" * 2


def _write(config: Configuration, encryption: str, package: str = "[hls, dash]") -> None:
    text = f"web:\n  package: {package}\n  encryption: {{{encryption}}}\n"
    config.write("profiles.yml", text)


def test_a_key_may_come_from_the_environment_and_is_shown_nowhere(config: Configuration) -> None:
    _write(config, f'key_id: {KEY_ID}, key: "${{env:MEDIA_KEY}}"')
    settings = config.load(MEDIA_KEY=KEY.upper())
    found = settings.profile("web").encryption
    assert found is not None
    assert found.key is not None
    assert found.key.get_secret_value() == KEY
    assert found.scheme == "cbcs"
    assert KEY not in json.dumps(described(settings))
    assert KEY not in repr(settings)


def test_an_id_may_be_written_as_a_uuid(config: Configuration) -> None:
    _write(config, f'key_id: 6F651AE1-dbe4-4434-bcb4-690d1564c41c, key: "{KEY}"')
    found = config.load().profile("web").encryption
    assert found is not None
    assert found.key_id == KEY_ID


@pytest.mark.parametrize(
    ("encryption", "key", "problem"),
    [
        (f"key_id: {KEY_ID}, key: abc", "key", "has 3 hexadecimal digits, not 32"),
        (f"key_id: {KEY_ID}, key: {'xy' * 16}", "key", "is not made of hexadecimal digits"),
        (f"key_id: {KEY_ID}, key: {'1' * 32}", "key", "is not text"),
        (f"key_id: {KEY_ID}, key: {KEY_ID}", "key", "is the same as key_id"),
        (f"key_id: {KEY_ID}", "key", "is missing"),
        (f"key: '{KEY}'", "key_id", "is missing"),
        (f"key_id: abc, key: '{KEY}'", "key_id", "has 3 hexadecimal digits"),
        (f"key_id: {KEY_ID}, key: '{KEY}', scheme: aes", "scheme", "is not a valid choice"),
        (f"key_id: {KEY_ID}, key: '{KEY}', key_url: keys", "key_url", "is not a web address"),
        (f"key_id: {KEY_ID}, kee: '{KEY}', key: '{KEY}'", "kee", "is not a key here"),
    ],
)
def test_a_mistake_is_named_and_a_key_never_shown(
    config: Configuration, encryption: str, key: str, problem: str
) -> None:
    _write(config, encryption)
    found = config.mistake()
    assert found.key == f"web.encryption.{key}"
    assert problem in found.problem
    assert found.line is not None
    assert found.hint
    if key in ("key", "kee"):
        assert found.value is None


def test_a_variable_that_is_not_set_is_the_only_mistake(config: Configuration) -> None:
    _write(config, f'key_id: {KEY_ID}, key: "${{env:MEDIA_KEY}}"')
    found = config.mistake()
    assert found.problem == "the environment variable MEDIA_KEY is not set"
    assert found.value == "${env:MEDIA_KEY}"


@pytest.mark.parametrize("package", ["[hls, mp4]", "[hls, dash, mp4]"])
def test_what_is_encrypted_is_not_to_lie_beside_in_the_clear(
    config: Configuration, package: str
) -> None:
    _write(config, f'key_id: {KEY_ID}, key: "{KEY}"', package)
    found = config.mistake()
    assert found.key == "web.encryption"
    assert "in the clear" in found.problem
    assert found.hint == "Write package: [hls, dash]."
