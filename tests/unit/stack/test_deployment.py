"""The files of deploy/ and docker-compose.yml say what the code says."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipeline.cli import VERBS
from pipeline.settings.load import OVERRIDES, load_settings
from pipeline.stack.roles import EVERYDAY, ROLES

ROOT = Path(__file__).parents[3]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
OURS = {name: service for name, service in COMPOSE["services"].items() if "build" in service}
#: How much longer than the worker's own time a container must be allowed, seconds.
MARGIN_S = 30
UNITS = sorted((ROOT / "deploy" / "systemd").glob("*.service"))


def test_there_is_a_container_for_every_part() -> None:
    parts = {f"worker-{role}" for role in EVERYDAY} | {"beat", "watch", "flower", "web"}
    assert set(OURS) == parts


@pytest.mark.parametrize("name", OURS)
def test_every_container_runs_a_verb_that_exists(name: str) -> None:
    verb, *words = OURS[name]["command"]
    assert verb in VERBS
    assert all(word in ROLES for word in words)
    assert "-".join([verb, *words]) == name


@pytest.mark.parametrize("name", OURS)
def test_every_container_sees_the_same_configuration_and_files(name: str) -> None:
    service = OURS[name]
    common = COMPOSE["x-reelworks"]
    assert service["volumes"] == common["volumes"]
    assert common["environment"].items() <= service["environment"].items()
    mounted = dict(volume.split(":")[:2] for volume in service["volumes"])
    assert mounted["./config"] == service["environment"]["REELWORKS_CONFIG"]
    known = OVERRIDES.keys() | {"REELWORKS_CONFIG"}
    assert service["environment"].keys() <= known


def test_the_folders_of_the_default_configuration_are_on_the_shared_volume() -> None:
    settings = load_settings(ROOT / "config", environ={})
    paths = [path for _, path in settings.pipeline.paths]
    paths += [folder.path for folder in settings.pipeline.watch]
    assert all(path.is_relative_to(ROOT / "media") for path in paths)


@pytest.mark.parametrize("name", OURS)
def test_every_container_has_time_to_give_its_work_back(name: str) -> None:
    grace = load_settings(ROOT / "config", environ={}).pipeline.workers.stop_grace
    allowed = re.fullmatch(r"(\d+)s", OURS[name]["stop_grace_period"])
    assert allowed is not None
    assert int(allowed[1]) >= grace.total_seconds() + MARGIN_S


@pytest.mark.parametrize("name", ["web", "flower"])
def test_pages_are_published_on_loopback_only_where_their_part_listens(name: str) -> None:
    service = OURS[name]
    (published,) = service["ports"]
    host, outer, inner = published.rsplit(":", 2)
    assert host == "127.0.0.1"
    assert outer == inner
    assert service["environment"][f"REELWORKS_{name.upper()}_LISTEN"] == f"0.0.0.0:{inner}"


@pytest.mark.parametrize("name", COMPOSE["services"])
def test_every_service_waits_for_services_that_tell_their_health(name: str) -> None:
    for other, condition in COMPOSE["services"][name].get("depends_on", {}).items():
        assert condition == {"condition": "service_healthy"}
        assert "healthcheck" in COMPOSE["services"][other]


@pytest.mark.parametrize("name", COMPOSE["services"])
def test_every_mounted_file_and_volume_exists(name: str) -> None:
    for volume in COMPOSE["services"][name].get("volumes", []):
        source = volume.split(":")[0]
        if source.startswith("./"):
            assert source == "./media" or (ROOT / source).exists()
        else:
            assert source in COMPOSE["volumes"]


def test_the_image_is_built_from_files_that_reach_the_builder() -> None:
    sent = set()
    for line in (ROOT / ".dockerignore").read_text().splitlines():
        if line.startswith("!"):
            sent.add(line[1:])
    copied = set()
    for line in (ROOT / "deploy" / "Dockerfile").read_text().splitlines():
        if line.startswith("COPY"):
            copied |= {word.removeprefix("./") for word in shlex.split(line)[1:-1]}
    assert copied <= sent
    assert all((ROOT / name).exists() for name in copied)


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_every_unit_starts_a_verb_that_exists(unit: Path) -> None:
    (line,) = re.findall(r"^ExecStart=(.+)$", unit.read_text(), re.MULTILINE)
    program, verb, *words = line.split()
    assert program.endswith("/bin/reelworks")
    assert verb in VERBS or (verb == "%i" and "@" in unit.name)
    assert words in ([], ["%i"])


def test_rabbitmq_waits_longer_for_an_encode_than_a_message_may_stay_unacknowledged() -> None:
    from pipeline.app import VISIBILITY_TIMEOUT_S

    text = (ROOT / "deploy" / "rabbitmq.conf").read_text()
    (timeout_ms,) = re.findall(r"^consumer_timeout = (\d+)$", text, re.MULTILINE)
    assert int(timeout_ms) >= VISIBILITY_TIMEOUT_S * 1000
