"""Reading YAML: each way a file can be wrong is named with its line."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pipeline.settings.document import dotted, read_document

if TYPE_CHECKING:
    from pathlib import Path

    from pipeline.settings.document import Document
    from pipeline.settings.errors import ConfigurationError


def read(folder: Path, text: str | bytes, **environ: str) -> Document:
    file = folder / "x.yml"
    file.write_bytes(text.encode() if isinstance(text, str) else text)
    return read_document(file, environ, folder)


def problem(folder: Path, text: str | bytes, **environ: str) -> ConfigurationError:
    """The only problem of the text."""
    (found,) = read(folder, text, **environ).problems
    assert found.file == folder / "x.yml"
    assert found.code == "configuration"
    return found


def test_lines_are_those_of_the_keys_also_in_lists_and_flow_style(tmp_path: Path) -> None:
    document = read(tmp_path, "a:\n  b: 1\n\nwatch:\n  - path: x\n  - {path: y,\n     c: z}\n")
    assert document.data == {"a": {"b": 1}, "watch": [{"path": "x"}, {"path": "y", "c": "z"}]}
    assert document.line(("a",)) == 1
    assert document.line(("a", "b")) == 2
    assert document.line(("watch", 1, "c")) == 7
    assert document.line(("watch", 1, "missing")) == 6
    assert document.line(("nowhere",)) is None


def test_an_absent_and_an_empty_file_hold_nothing(tmp_path: Path) -> None:
    assert read_document(tmp_path / "absent.yml", {}, tmp_path).data is None
    document = read(tmp_path, "# only a comment\n")
    assert document.data is None
    assert document.problems == ()


def test_keys_are_taken_as_written_and_not_as_yaml_reads_them(tmp_path: Path) -> None:
    document = read(tmp_path, "on: [a]\n720: b\nno: c\n~: d\n")
    assert document.data == {"on": ["a"], "720": "b", "no": "c", "~": "d"}


def test_a_file_that_can_not_be_read_is_named_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / "x.yml").mkdir()
    (found,) = read_document(tmp_path / "x.yml", {}, tmp_path).problems
    assert found.problem == "it can't be read: Is a directory"
    assert "may read" in found.hint


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("a: 1\nb: c: d\n", 2, "mapping values are not allowed here"),
        ("a: 1\n\tb: 2\n", 2, "cannot start any token"),
        ("a: [1,\nb: 2\n", 3, "expected ',' or ']'"),
        ("a: *unknown\n", 1, "undefined alias"),
        ("a: 1\n---\nb: 2\n", 2, "but found another document"),
        ("a: @x\n", 1, "cannot start any token"),
    ],
)
def test_what_is_not_yaml_is_named_with_its_line(
    tmp_path: Path, text: str, line: int, says: str
) -> None:
    found = problem(tmp_path, text)
    assert found.problem.startswith("it is not YAML: ")
    assert says in found.problem
    assert found.line == line
    assert "indentation" in found.hint


@pytest.mark.parametrize(
    "text",
    [
        "a:\n  cron: */5 * * * *\n",
        "x: 1\na: {task: scan, cron: * * * * *}\n",
        "x: 1\na: {task: scan, cron: @daily}",
        "x: 1\ncron: *",
    ],
)
def test_a_cron_line_without_quotes_is_to_be_put_in_quotes(tmp_path: Path, text: str) -> None:
    found = problem(tmp_path, text)
    assert found.line == 2
    assert found.hint == 'Put the cron line in quotes, like cron: "*/5 * * * *".'


def test_a_quote_that_never_ends_is_named_with_the_line_it_begins_on(tmp_path: Path) -> None:
    found = problem(tmp_path, 'a: 1\nb: "x\nc: 2\n')
    assert "What is wrong may begin on line 2." in found.hint


def test_a_character_that_is_no_text_is_named_with_its_line(tmp_path: Path) -> None:
    found = problem(tmp_path, "a: 1\nb: x\x01\n")
    assert found.line == 2
    assert found.problem == "it is not YAML: it holds a character that text has not"


def test_a_file_in_another_encoding_is_named_with_the_line_that_shows_it(tmp_path: Path) -> None:
    found = problem(tmp_path, b"a: 1\nb: caf\xe9\n")
    assert (found.problem, found.line) == ("it is not text in UTF-8", 2)


def test_a_file_may_begin_with_a_byte_order_mark_and_have_dos_lines(tmp_path: Path) -> None:
    document = read(tmp_path, b"\xef\xbb\xbfa: 1\r\nb: 2\r\n")
    assert document.data == {"a": 1, "b": 2}
    assert document.line(("b",)) == 2


@pytest.mark.parametrize("text", ["- a\n- b\n", "only words\n", "7\n"])
def test_a_file_that_holds_no_keys_is_refused(tmp_path: Path, text: str) -> None:
    found = problem(tmp_path, text)
    assert found.problem == "it holds no keys at the top"
    assert found.line == 1
    assert "key: value" in found.hint


def test_every_key_written_twice_is_named_with_both_lines(tmp_path: Path) -> None:
    document = read(tmp_path, "a: 1\nb: {c: 1, c: 2}\na: 3\n")
    found = {mistake.key: mistake for mistake in document.problems}
    assert found.keys() == {"a", "b.c"}
    assert found["a"].line == 3
    assert found["a"].hint == "Keep one of them; the first is on line 1."


def test_every_missing_secret_is_named_with_line_key_and_reference(tmp_path: Path) -> None:
    document = read(tmp_path, "a: ${env:A}\nb:\n  - x\n  - ${file:b}\nc: ${env:C}\n", C="c")
    first, second = document.problems
    assert (first.key, first.line, first.value) == ("a", 1, "${env:A}")
    assert first.problem == "the environment variable A is not set"
    assert (second.key, second.line, second.value) == ("b[1]", 4, "${file:b}")
    assert document.data == {"a": None, "b": ["x", None], "c": "c"}


def test_a_secret_beside_a_missing_one_is_not_shown(tmp_path: Path) -> None:
    found = problem(tmp_path, "a: slack://token/${env:A}\n")
    assert found.value is None
    assert "token" not in str(found)


def test_what_is_written_is_remembered_without_the_secret(tmp_path: Path) -> None:
    document = read(tmp_path, "a: ${env:A}\nb: 1:30\n", A="hunter2")
    assert document.data == {"a": "hunter2", "b": 90}
    assert document.written == {("a",): "${env:A}", ("b",): "1:30"}


@pytest.mark.parametrize(
    ("text", "key", "says"),
    [
        ("a: !secret x\n", "a", "not a value that YAML knows"),
        ("a: 2024-13-45\n", "a", "not a value that YAML knows"),
        ("a: !!python/object:os.system x\n", "a", "not a value that YAML knows"),
        ('a: !!timestamp "x"\n', "a", "not a value that YAML knows"),
        ('a: !!int ""\n', "a", "not a value that YAML knows"),
        ('a: !!float ""\n', "a", "not a value that YAML knows"),
        ('a: !!bool "x"\n', "a", "not a value that YAML knows"),
        ('a: !!binary "é"\n', "a", "not a value that YAML knows"),
        ("a: !thing {b: 1}\n", "a", "it has the tag !thing"),
        ("a: !!set {b, c}\n", "a", "it has the tag"),
        ("a: {[1, 2]: b}\n", "a", "a list or section for a key"),
        ("a: &a\n  b: *a\n", "a.b", "it contains itself"),
        ("a: &a [1, *a]\n", "a[1]", "it contains itself"),
        ("a: &a\n  <<: *a\n", "a.<<", "it names no other section"),
        ("a: {<<: words}\n", "a.<<", "it names no other section"),
    ],
)
def test_what_yaml_can_say_but_no_setting_means_is_refused(
    tmp_path: Path, text: str, key: str, says: str
) -> None:
    found = problem(tmp_path, text)
    assert says in found.problem
    assert found.key == key
    assert found.hint


@pytest.mark.parametrize("depth", [600, 3000])
def test_lists_in_lists_without_end_are_a_mistake(tmp_path: Path, depth: int) -> None:
    found = problem(tmp_path, f"a: {'[' * depth}{']' * depth}\n")
    assert found.problem == "it is too deep"
    assert found.file is not None
    assert found.hint


def test_a_section_takes_over_the_keys_of_others(tmp_path: Path) -> None:
    text = """\
one: &one {crf: 20, preset: fast}
two: &two
  <<: *one
  preset: slow
three:
  <<: [*two, *one]
  crf: 30
"""
    document = read(tmp_path, text)
    assert document.problems == ()
    assert document.data is not None
    assert document.data["two"] == {"preset": "slow", "crf": 20}
    assert document.data["three"] == {"crf": 30, "preset": "slow"}
    assert document.line(("three", "preset")) == 4


def test_a_place_is_written_as_people_do() -> None:
    assert dotted(("watch", 0, "ladder", 2)) == "watch[0].ladder[2]"
    assert dotted(()) == ""
