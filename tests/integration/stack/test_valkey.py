"""The embedded broker: private, and what it was told survives however it ends."""

from __future__ import annotations

import stat
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from redis import Redis
from redis.exceptions import ResponseError

from pipeline.errors import ReelworksError
from pipeline.settings import addresses
from pipeline.settings.load import Settings, load_settings
from pipeline.stack import valkey
from pipeline.stack.part import Life
from pipeline.stack.traces import sweep
from tests.faults.mounts import small_disks

PATIENCE_S = 20


@pytest.fixture
def start(settings: Settings) -> Iterator[Callable[..., Life]]:
    lives: list[Life] = []

    def begin(of: Settings = settings, *, until_it_answers: bool = True) -> Life:
        log = of.pipeline.paths.state / "logs" / "valkey.log"
        lives.append(Life(valkey.part(of), log))
        until = time.monotonic() + PATIENCE_S
        while until_it_answers and not valkey.answers(of):
            assert time.monotonic() < until, log.read_text()
            time.sleep(0.05)
        return lives[-1]

    yield begin
    for life in lives:
        sweep({life.trace}, within_s=PATIENCE_S)
        life.collect()


def client(settings: Settings) -> Redis:
    return Redis(unix_socket_path=str(addresses.socket_path(settings)))


def test_only_its_owner_can_reach_it_and_no_port_is_open(
    start: Callable[..., Life], settings: Settings
) -> None:
    start()
    socket = addresses.socket_path(settings)
    assert stat.S_IMODE(socket.stat().st_mode) == 0o700
    assert stat.S_IMODE(socket.parent.stat().st_mode) == 0o700
    with client(settings) as broker:
        assert broker.config_get("port")["port"] == "0"
        assert broker.config_get("maxmemory-policy")["maxmemory-policy"] == "noeviction"


def test_what_it_had_written_down_survives_a_kill(
    start: Callable[..., Life], settings: Settings
) -> None:
    life = start()
    with client(settings) as broker:
        broker.rpush("queue", "work")
        broker.save()
        broker.rpush("queue", "told since")
    sweep({life.trace}, within_s=PATIENCE_S)
    assert addresses.socket_path(settings).exists(), "a killed broker leaves its socket"
    start()
    with client(settings) as broker:
        assert broker.lrange("queue", 0, -1) == [b"work"]


def test_all_it_was_told_survives_a_stop(start: Callable[..., Life], settings: Settings) -> None:
    life = start()
    with client(settings) as broker:
        broker.rpush("queue", "work")
    life.ask_to_stop()
    assert life.collect() == 0
    start()
    with client(settings) as broker:
        assert broker.lrange("queue", 0, -1) == [b"work"]


@pytest.mark.parametrize("damage", ["in the middle", "cut short", "empty"])
def test_a_damaged_file_is_set_aside(
    start: Callable[..., Life], settings: Settings, damage: str
) -> None:
    life = start()
    with client(settings) as broker:
        for number in range(100):
            broker.rpush("queue", f"work {number}")
    life.ask_to_stop()
    life.collect()
    file = settings.pipeline.paths.state / "valkey" / valkey.KEPT
    whole = file.read_bytes()
    hurt = {"in the middle": whole[:200] + b"\0" * 200 + whole[400:], "cut short": whole[:-20]}
    file.write_bytes(hurt.get(damage, b""))
    assert start(until_it_answers=False).collect() != 0
    said = valkey.set_damaged_aside(settings)
    assert said is not None
    assert "damaged" in said
    start()
    with client(settings) as broker:
        assert broker.lrange("queue", 0, -1) == []
    assert list((settings.pipeline.paths.state / "valkey").glob(f"{valkey.KEPT}.damaged-*"))


def test_on_a_full_disk_it_takes_what_it_is_told_and_stops_when_asked(
    start: Callable[..., Life], tmp_path: Path
) -> None:
    with small_disks(tmp_path / "media") as disks:
        if not disks:
            pytest.skip("no disk can be mounted here")
        (tmp_path / "config" / "pipeline.yml").write_text("paths: {state: ./media/state}\n")
        settings = load_settings(tmp_path / "config", environ={})
        life = start(settings)
        disks["state"].fill(leaving=0)
        with client(settings) as broker:
            with pytest.raises(ResponseError):
                broker.save()
            broker.rpush("queue", "work")
            assert valkey.answers(settings)
        life.ask_to_stop()
        assert life.collect() == 0


def test_nothing_is_set_aside_when_it_died_of_something_else(
    start: Callable[..., Life], settings: Settings
) -> None:
    life = start()
    sweep({life.trace}, within_s=PATIENCE_S)
    assert valkey.set_damaged_aside(settings) is None


def test_a_state_folder_with_a_long_and_odd_name_works(
    start: Callable[..., Life], tmp_path: Path
) -> None:
    config = tmp_path / "config"
    name = "a folder with 'quotes\", spaces and a very long name " + "x" * 100
    (config / "pipeline.yml").write_text(f"paths: {{state: {quoted(f'./{name}')}}}\n")
    settings = load_settings(config, environ={})
    start(settings)
    assert valkey.answers(settings)


def test_a_state_folder_of_somebody_else_is_refused(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.getuid", lambda: 4_000_000)
    with pytest.raises(ReelworksError) as raised:
        valkey.make_private(settings.root)
    assert raised.value.code == "not_ours"


def test_a_configured_program_that_is_not_there_is_named(
    tmp_path: Path, settings: Settings
) -> None:
    (settings.config_dir / "pipeline.yml").write_text("tools: {valkey: /nowhere/valkey-server}\n")
    with pytest.raises(ReelworksError, match="/nowhere/valkey-server") as raised:
        valkey.program(load_settings(settings.config_dir, environ={}))
    assert raised.value.code == "tool_missing"


def quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
