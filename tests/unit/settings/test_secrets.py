"""References to secrets, and what of secrets is shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.settings.errors import BadValue
from pipeline.settings.secrets import expand, is_reference, without_password


def test_a_variable_of_the_environment_is_filled_in() -> None:
    text = expand("https://${env:USER}:${env:TOKEN}@h", {"USER": "u", "TOKEN": "t"}, Path("/"))
    assert text == "https://u:t@h"


def test_a_file_is_filled_in_without_the_line_break_at_its_end(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("s3cret\n", encoding="utf-8")
    assert expand("${file:token}", {}, tmp_path) == "s3cret"
    assert expand(f"${{file:{tmp_path}/token}}", {}, Path("/elsewhere")) == "s3cret"


def test_two_dollars_are_a_plain_one() -> None:
    assert expand("$${env:A} costs 5$", {}, Path("/")) == "${env:A} costs 5$"


def test_what_a_secret_holds_is_not_read_as_a_reference() -> None:
    assert expand("${env:A}", {"A": "${env:B}"}, Path("/")) == "${env:B}"


@pytest.mark.parametrize(("environ", "state"), [({}, "not set"), ({"TOKEN": ""}, "empty")])
def test_a_variable_without_a_value_is_named(environ: dict[str, str], state: str) -> None:
    with pytest.raises(BadValue, match=f"the environment variable TOKEN is {state}"):
        expand("${env:TOKEN}", environ, Path("/"))


def test_a_file_that_can_not_be_read_is_named_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(BadValue, match="the file nowhere can't be read: No such file"):
        expand("${file:nowhere}", {}, tmp_path)
    with pytest.raises(BadValue, match="the file folder can't be read: Is a directory"):
        expand("${file:folder}", {}, tmp_path)


def test_a_file_of_a_secret_may_not_be_empty_or_binary(tmp_path: Path) -> None:
    (tmp_path / "empty").write_text("\n", encoding="utf-8")
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    with pytest.raises(BadValue, match="the file empty is empty"):
        expand("${file:empty}", {}, tmp_path)
    with pytest.raises(BadValue, match="the file binary can't be read"):
        expand("${file:binary}", {}, tmp_path)
    with pytest.raises(BadValue, match="can't be read"):
        expand("${file:~nobody-of-that-name/x}", {}, tmp_path)


@pytest.mark.parametrize("text", ["${TEAM}", "${evn:TEAM}", "${env:TEAM", "${}", "${env:}"])
def test_what_only_looks_like_a_reference_is_refused(text: str) -> None:
    with pytest.raises(BadValue, match="is not a reference") as caught:
        expand(text, {"TEAM": "x"}, Path("/"))
    assert "${file:PATH}" in caught.value.hint


def test_a_variable_written_as_in_a_shell_is_written_out_in_the_hint() -> None:
    with pytest.raises(BadValue) as caught:
        expand("${TEAM}", {}, Path("/"))
    assert caught.value.hint.startswith("Write ${env:TEAM}")


def test_only_text_of_references_alone_tells_nothing() -> None:
    assert is_reference("${env:A}${file:b}")
    assert not is_reference("slack://token/${env:A}")
    assert not is_reference("token")


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("redis://u:p@h:1/0", "redis://u:**@h:1/0"),
        ("redis://:p@h", "redis://:**@h"),
        ("amqp://u:p@ss@h//", "amqp://u:**@h//"),
        ("redis://h:1/0", "redis://h:1/0"),
        ("postgresql://h/d?user=u&password=p&x=1", "postgresql://h/d?user=u&password=**&x=1"),
        ("embedded", "embedded"),
    ],
)
def test_an_address_is_shown_without_its_password(address: str, shown: str) -> None:
    assert without_password(address) == shown
