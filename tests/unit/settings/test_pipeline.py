"""`pipeline.yml`: what is read, what is refused, and how each mistake is told."""

from __future__ import annotations

import os
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from pipeline.settings.errors import ConfigurationError
from pipeline.settings.pipeline import MEDIA_EXTENSIONS, Workers

if TYPE_CHECKING:
    from tests.unit.settings.conftest import Configuration


def test_what_is_left_out_has_the_documented_default(config: Configuration) -> None:
    settings = config.load()
    pipeline = settings.pipeline
    (folder,) = pipeline.watch
    assert pipeline.paths.library == config.root / "media/library"
    assert (pipeline.broker, pipeline.results, pipeline.database) == ("embedded",) * 3
    assert folder.path == config.root / "media/inbox"
    assert (folder.profile, folder.priority, folder.polling) == ("web", 5, False)
    assert (folder.on_success, folder.on_failure) == ("archive", "quarantine")
    assert folder.archive == config.root / "media/archive"
    assert folder.quarantine == config.root / "media/quarantine"
    assert folder.extensions == MEDIA_EXTENSIONS
    assert (pipeline.limits.deadline, pipeline.limits.attempts) == (timedelta(days=1), 3)
    assert str(pipeline.web.listen) == "127.0.0.1:8080"
    assert str(pipeline.flower.listen) == "127.0.0.1:5555"
    assert pipeline.flower.password is None


def test_relative_paths_are_taken_from_the_folder_above_the_configuration(
    config: Configuration,
) -> None:
    config.write(
        "pipeline.yml",
        """\
paths: {library: out, work: ./x/../work, state: /var/lib/reelworks}
watch:
  - {path: ../in, archive: done, quarantine: /bad}
tools: {ffmpeg: bin/ffmpeg}
""",
    )
    pipeline = config.load().pipeline
    assert pipeline.paths.library == config.root / "out"
    assert pipeline.paths.work == config.root / "work"
    assert str(pipeline.paths.state) == "/var/lib/reelworks"
    assert pipeline.watch[0].path == config.root.parent / "in"
    assert pipeline.watch[0].archive == config.root / "done"
    assert str(pipeline.watch[0].quarantine) == "/bad"
    assert pipeline.tools.ffmpeg == config.root / "bin/ffmpeg"


def test_archive_and_quarantine_lie_beside_the_folder_however_it_is_written(
    config: Configuration,
) -> None:
    config.write("pipeline.yml", "watch: [{path: media/x/../inbox/}]\n")
    assert config.load().pipeline.watch[0].archive == config.root / "media/archive"


def test_extensions_are_lower_case_with_a_dot_and_each_once(config: Configuration) -> None:
    config.write("pipeline.yml", "watch: [{path: in, extensions: [MP4, .mkv, mp4]}]\n")
    assert config.load().pipeline.watch[0].extensions == (".mp4", ".mkv")


def test_a_section_whose_lines_are_commented_out_is_as_if_it_were_not_there(
    config: Configuration,
) -> None:
    config.write("pipeline.yml", "paths:\n  # library: x\nwatch:\nlimits:\nweb:\nworkers:\n")
    pipeline = config.load().pipeline
    assert pipeline.watch == ()
    assert pipeline.limits.attempts == 3


def test_a_value_may_come_from_the_environment_whatever_its_type(config: Configuration) -> None:
    config.write(
        "pipeline.yml",
        "limits: {attempts: '${env:N}', deadline: '${env:D}'}\n"
        "workers: {encode: '${env:N}'}\n"
        "watch: [{path: in, polling: '${env:P}'}]\n",
    )
    pipeline = config.load(N="7", D="90", P="true").pipeline
    assert (pipeline.limits.attempts, pipeline.workers.encode) == (7, 7)
    assert pipeline.limits.deadline == timedelta(seconds=90)
    assert pipeline.watch[0].polling is True


@pytest.mark.parametrize(
    ("text", "key", "value", "problem", "hint"),
    [
        ("borker: x", "borker", "x", "is not a key here", "Did you mean 'broker'?"),
        ("limits: {atempts: 3}", "limits.atempts", "3", "not a key", "Did you mean 'attempts'?"),
        ("path: {library: ./x}", "path", None, "is not a key here", "Did you mean 'paths'?"),
        ("attempts: 3", "attempts", "3", "is not a key here", "It belongs below `limits`."),
        (
            "limits: {attempts: three}",
            "limits.attempts",
            "three",
            "is not a whole number",
            "Write 3.",
        ),
        ("limits: {attempts: 1.5}", "limits.attempts", "1.5", "is not a whole number", ""),
        ("limits: {attempts: true}", "limits.attempts", "true", "is not a whole number", ""),
        ("limits: {attempts: 0}", "limits.attempts", "0", "must be at least 1", ""),
        ("limits: {attempts: 101}", "limits.attempts", "101", "must be at most 100", ""),
        ("limits: {attempts: }", "limits.attempts", "", "has no value", "remove the line"),
        ("limits: {deadline: soon}", "limits.deadline", "soon", "not a span of time", "1h30m"),
        ("limits: {deadline: -1h}", "limits.deadline", "-1h", "less than nothing", "minus"),
        ("limits: {deadline: 0s}", "limits.deadline", "0s", "longer than nothing", "90s"),
        ("limits: {max_duration: .inf}", "limits.max_duration", ".inf", "is too long", "3650d"),
        ("limits: {max_pixels: 9K}", "limits.max_pixels", "9K", "not a size of pictures", "8K"),
        ("limits: {max_streams: 0}", "limits.max_streams", "0", "must be at least 1", ""),
        ("limits: {max_memory: 1M}", "limits.max_memory", "1M", "is too little", "256M"),
        ("limits: {max_output: big}", "limits.max_output", "big", "not an amount of data", "8G"),
        ("limits: {isolation: never}", "limits.isolation", "never", "", ""),
        ("limits: 3", "limits", "3", "is not a section", "indented lines"),
        ("limits: [a]", "limits", None, "is not a section", "indented lines"),
        ("paths: {library: [a]}", "paths.library", None, "is not a path", "./media/library"),
        ("paths: {library: ''}", "paths.library", "", "is not a path", "./media/library"),
        ("paths: {library: ~no-one-x/y}", "paths.library", "~no-one-x/y", "not known", ""),
        ("broker: reddis://h", "broker", "reddis://h", "can't be used here", "'redis'"),
        ("results: rcp://", "results", "rcp://", "can't be used here", "'rpc'"),
        ("database: postgres://h/d", "database", "postgres://h/d", "here", "'postgresql'"),
        ("web: {listen: 8080}", "web.listen", "8080", "is not an address", "127.0.0.1:8080"),
        ("web: {listen: 'h:99999'}", "web.listen", "h:99999", "no possible port", "65535"),
        ("flower: {listen: '1.2.3:1'}", "flower.listen", "1.2.3:1", "no possible host", "0.0.0.0"),
        ("flower: {user: 'a b'}", "flower.user", "a b", "is not a user's name", "colons"),
        ("flower: {user: 7}", "flower.user", "7", "is not text", "Put it in quotes."),
        ("workers: {encode: lots}", "workers.encode", "lots", "neither `auto` nor", ""),
        ("workers: {stop_grace: -1s}", "workers.stop_grace", "-1s", "less than nothing", ""),
        ("tools: {ffmpeg: 7}", "tools.ffmpeg", "7", "is not a path", ""),
        ("watch: inbox", "watch", "inbox", "is not a list", "- one"),
        ("watch: [{}]", "watch[0].path", None, "is missing", "`path: …`"),
        ("watch: [{path: 7}]", "watch[0].path", "7", "is not a path", ""),
        (
            *("watch: [{path: a, on_success: archvie}]", "watch[0].on_success", "archvie"),
            *("is not a valid choice", "Did you mean 'archive'? Valid: keep, archive, delete."),
        ),
        (
            *("watch: [{path: a, on_failure: delete}]", "watch[0].on_failure", "delete"),
            *("is not a valid choice", "Valid: keep, quarantine."),
        ),
        (
            *("watch: [{path: a, settle_seconds: 0}]", "watch[0].settle_seconds", "0"),
            *("must be more than 0", ""),
        ),
        (
            *("watch: [{path: a, settle_seconds: .nan}]", "watch[0].settle_seconds", ".nan"),
            *("is not a number", ""),
        ),
        (
            *("watch: [{path: a, settle_seconds: long}]", "watch[0].settle_seconds", "long"),
            *("is not a number", ""),
        ),
        (
            *("watch: [{path: a, polling: maybe}]", "watch[0].polling", "maybe"),
            *("is neither true nor false", "without quotes"),
        ),
        (
            *("watch: [{path: a, priority: 10}]", "watch[0].priority", "10"),
            *("must be at most 9", ""),
        ),
        (
            *("watch: [{path: a, extensions: mp4}]", "watch[0].extensions", "mp4"),
            *("is not a list", "[one, two]"),
        ),
        (
            *("watch: [{path: a, extensions: ['*.mp4']}]", "watch[0].extensions", None),
            *("has '*.mp4', which is no extension", ".mp4"),
        ),
        (
            *("watch: [{path: a, extensions: []}]", "watch[0].extensions", None),
            *("needs at least 1 entry", ""),
        ),
    ],
)
def test_a_mistake_is_told_with_file_line_key_value_and_what_would_be_right(
    config: Configuration, text: str, key: str, value: str | None, problem: str, hint: str
) -> None:
    config.write("pipeline.yml", f"# a comment\n{text}\n")
    mistake = config.mistake()
    assert mistake.code == "configuration"
    assert (mistake.file, mistake.line) == (config.folder / "pipeline.yml", 2)
    assert (mistake.key, mistake.value) == (key, value)
    assert problem in mistake.problem
    assert hint in mistake.hint
    assert mistake.message.startswith(f"{config.folder / 'pipeline.yml'}:2: {key}: ")


@pytest.mark.parametrize(
    "text",
    [
        "flower: {password: ''}",
        "flower: {password: 'hunter2,hunter2'}",
        "flower: {password: [hunter2]}",
        "flower: {pasword: hunter2}",
        "flower: {password: 12345678}",
        "flower: hunter2",
    ],
)
def test_a_mistake_in_a_password_does_not_tell_it(config: Configuration, text: str) -> None:
    config.write("pipeline.yml", text)
    mistake = config.mistake()
    assert mistake.value is None
    assert "hunter2" not in f"{mistake} {mistake.hint}"
    assert "12345678" not in f"{mistake} {mistake.hint}"


def test_a_mistake_in_an_address_does_not_tell_its_password(config: Configuration) -> None:
    config.write("pipeline.yml", "broker: reddis://me:hunter2@host\n")
    mistake = config.mistake()
    assert mistake.value == "reddis://me:**@host"


def test_a_mistake_in_a_value_from_the_environment_shows_the_reference(
    config: Configuration,
) -> None:
    config.write("pipeline.yml", "broker: ${env:URL}\n")
    mistake = config.mistake(URL="http://me:hunter2@host")
    assert mistake.value == "${env:URL}"
    assert "hunter2" not in f"{mistake} {mistake.hint}"


@pytest.mark.parametrize(
    ("cpus", "encode", "package"), [(None, 1, 1), (2, 1, 2), (8, 1, 4), (16, 2, 4), (64, 8, 4)]
)
def test_automatic_slots_follow_the_cores(
    monkeypatch: pytest.MonkeyPatch, cpus: int | None, encode: int, package: int
) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: cpus)
    assert (Workers().encode_slots(), Workers().package_slots()) == (encode, package)


def test_slots_that_are_written_are_taken() -> None:
    workers = Workers(encode=3, package=5)
    assert (workers.encode_slots(), workers.package_slots()) == (3, 5)


def test_the_names_a_proxy_passes_on_are_a_list_of_hosts(config: Configuration) -> None:
    config.write("pipeline.yml", "web: {hosts: [media.example.org, box]}\n")
    assert config.load().pipeline.web.hosts == ("media.example.org", "box")


@pytest.mark.parametrize("host", ["https://media.example.org", "media.example.org:80", "''"])
def test_an_address_is_not_the_name_of_a_host(config: Configuration, host: str) -> None:
    config.write("pipeline.yml", f"web:\n  hosts: ['{host.strip(chr(39))}']\n")
    with pytest.raises(ConfigurationError, match="no host's name"):
        config.load()
