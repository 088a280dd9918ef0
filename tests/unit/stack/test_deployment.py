"""The files of deploy/ and docker-compose.yml say what the code says."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from pipeline.cli import VERBS
from pipeline.cli.health import health
from pipeline.settings.load import OVERRIDES, load_settings
from pipeline.stack.roles import EVERYDAY, ROLES

ROOT = Path(__file__).parents[3]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
OURS = {name: service for name, service in COMPOSE["services"].items() if "build" in service}
#: Where the programs of the environment are.
BIN = Path(sys.executable).parent
#: How much longer than the worker's own time a container must be allowed, seconds.
MARGIN_S = 30
UNITS = sorted((ROOT / "deploy" / "systemd").glob("*.service"))


def test_there_is_a_container_for_every_part() -> None:
    parts = {f"worker-{role}" for role in ROLES} | {"beat", "watch", "flower", "web"}
    assert set(OURS) == parts
    optional = {name for name in OURS if "profiles" in OURS[name]}
    assert optional == {f"worker-{role}" for role in ROLES if role not in EVERYDAY}


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
    known = OVERRIDES.keys() | {"REELWORKS_CONFIG", "NVIDIA_DRIVER_CAPABILITIES"}
    assert service["environment"].keys() <= known


@pytest.mark.parametrize("name", OURS)
def test_every_container_has_addresses_that_are_understood(name: str, tmp_path: Path) -> None:
    environment = {}
    for key, text in OURS[name]["environment"].items():
        # As compose reads it where nothing is set, and where the test has what is in /run/secrets.
        read = re.sub(r"(?<!\$)\$\{\w+:-([^}]*)\}", r"\1", text).replace("$$", "$")
        environment[key] = read.replace("/run/secrets", str(tmp_path))
    for secret in OURS[name]["secrets"]:
        (tmp_path / secret).write_text(f"{secret}-s3cret\n")
    settings = load_settings(ROOT / "config", environ=environment)
    hosts = {"broker": "rabbitmq", "results": "redis", "database": "postgres"}
    for kind, secret in hosts.items():
        assert f":{secret}_password-s3cret@" in getattr(settings.pipeline, kind)
        host = urlsplit(getattr(settings.pipeline, kind)).hostname
        assert host in COMPOSE["services"]


@pytest.mark.parametrize("name", COMPOSE["services"])
def test_no_password_stands_in_the_file_and_every_secret_is_handed_over(name: str) -> None:
    service = COMPOSE["services"][name]
    named = set(re.findall(r"/run/secrets/(\w+)", yaml.safe_dump(service)))
    assert named == set(service["secrets"])
    assert named <= COMPOSE["secrets"].keys()
    for key in service.get("environment", {}):
        assert not key.endswith(("PASSWORD", "PASS"))


def test_the_secrets_are_made_once_and_kept_from_others(tmp_path: Path) -> None:
    (tmp_path / "deploy").mkdir()
    script = tmp_path / "deploy" / "make-secrets"
    shutil.copy(ROOT / "deploy" / "make-secrets", script)
    subprocess.run([script], check=True)
    made = {path.name: path.read_text() for path in (tmp_path / "secrets").iterdir()}
    assert made.keys() == COMPOSE["secrets"].keys()
    assert len(set(made.values())) == len(made)
    for name, text in made.items():
        assert re.fullmatch(r"[A-Za-z0-9]{40}", text)
        assert (tmp_path / "secrets" / name).stat().st_mode & 0o077 == 0
        assert COMPOSE["secrets"][name] == {"file": f"./secrets/{name}"}
    subprocess.run([script], check=True)
    assert {path.name: path.read_text() for path in (tmp_path / "secrets").iterdir()} == made
    assert "/secrets/" in (ROOT / ".gitignore").read_text().splitlines()
    assert (tmp_path / "media").stat().st_uid == os.getuid(), "an engine would make it root's"


def test_the_database_is_healthy_only_when_it_can_be_reached_by_others() -> None:
    """While its image makes the database, a server answers on the socket that soon ends."""
    asked = COMPOSE["services"]["database"]["healthcheck"]["test"]
    assert asked[:4] == ["CMD", "pg_isready", "-h", "127.0.0.1"]


@pytest.mark.parametrize("name", COMPOSE["services"])
def test_every_service_tells_its_health_and_has_limits_and_time_to_stop(name: str) -> None:
    service = COMPOSE["services"][name]
    limits = service["deploy"]["resources"]["limits"]
    assert {"memory", "pids"} <= limits.keys()
    assert service["stop_grace_period"]
    assert service["restart"] == "unless-stopped"
    assert service["logging"] == {
        "driver": "json-file",
        "options": {"max-size": "20m", "max-file": "5"},
    }
    assert re.fullmatch(r"[a-z]+:\d+\.\d+(\.\d+)?(-[a-z-]+)?", service["image"])
    asked = service["healthcheck"]["test"]
    if name in OURS:
        assert asked == ["CMD", "reelworks", "health", service["command"][-1]]
        assert health.params[0].type.convert(asked[-1], None, None) == asked[-1]


@pytest.mark.parametrize("name", OURS)
def test_every_container_of_ours_may_do_no_more_than_it_needs(name: str) -> None:
    service = OURS[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["user"] == "${REELWORKS_UID:-1000}:${REELWORKS_GID:-1000}"


def test_the_file_is_what_the_compose_specification_says() -> None:
    # The schema is the one that check-jsonschema carries, from the specification's repository.
    argv = ["check-jsonschema", "--builtin-schema", "vendor.compose-spec", "docker-compose.yml"]
    done = subprocess.run(
        [str(BIN / argv[0]), *argv[1:]], cwd=ROOT, check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_nothing_is_wrong_with_the_dockerfile() -> None:
    argv = [str(BIN / "hadolint"), "deploy/Dockerfile"]
    done = subprocess.run(argv, cwd=ROOT, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_image_is_built_in_two_stages_and_runs_as_nobody_in_particular() -> None:
    text = (ROOT / "deploy" / "Dockerfile").read_text()
    build, _, runs = text.partition("\nFROM python:3.13-slim-bookworm\n")
    assert "AS build" in build
    assert "--require-hashes" in build
    assert "pip install" not in runs
    assert re.findall(r"^USER (.+)$", runs, re.MULTILINE) == ["1000:1000"]


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
        if line.startswith("COPY") and "--from" not in line:
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
