"""A configuration in a folder of its own, and a system started from it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml
from sqlalchemy import URL

from pipeline.settings.load import Settings, load_settings
from pipeline.stack.ports import free_port
from pipeline.stack.traces import running

ROOT = Path(__file__).parents[3]
#: A cold machine with two busy cores takes a while to import Celery eight times.
READY_WITHIN_S = 120
STOPPED_WITHIN_S = 60


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A configuration with everything embedded, whatever the environment says."""
    write_configuration(tmp_path / "config")
    return load_settings(tmp_path / "config", environ={})


def write_configuration(config: Path) -> None:
    """Write the smallest useful configuration, on ports that are free now."""
    config.mkdir()
    document = {
        "watch": [{"path": "./media/inbox", "settle_seconds": 0.5}],
        "web": {"listen": f"127.0.0.1:{free_port()}"},
        "flower": {"listen": f"127.0.0.1:{free_port()}"},
        "workers": {"stop_grace": "2s"},
    }
    (config / "pipeline.yml").write_text(yaml.safe_dump(document))
    ladder = {"video": {"ladder": [144], "preset": "ultrafast"}, "package": ["hls", "dash", "mp4"]}
    (config / "profiles.yml").write_text(yaml.safe_dump({"web": ladder}))


class System:
    """`reelworks up` in a process of its own."""

    def __init__(self, config: Path, environment: dict[str, str]) -> None:
        self.config = config
        self.environment = environment
        self.settings = load_settings(config, environ=environment)
        self.process = subprocess.Popen(
            [sys.executable, "-m", "pipeline.cli", "up"],
            cwd=ROOT,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self.lines: list[str] = []

    def until(self, words: str) -> str:
        """Read its console up to the first line with these words."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line.rstrip())
            if words in line:
                return line
        raise AssertionError(f"it never said {words!r}:\n" + "\n".join(self.lines))

    def part(self, name: str) -> int:
        """The process that was last started as this part."""
        started = [line for line in self.lines if line.startswith(f"{name} started")]
        return int(started[-1].partition("(process ")[2].rstrip(")"))

    def interrupt(self) -> int:
        """Ctrl-C; returns its exit status."""
        self.process.send_signal(signal.SIGINT)
        rest, _ = self.process.communicate(timeout=STOPPED_WITHIN_S)
        self.lines += rest.splitlines()
        return self.process.returncode

    def processes(self) -> set[int]:
        """Every process that has this system's configuration in its environment."""
        mine = f"REELWORKS_CONFIG={self.config}".encode()
        return {process.pid for process in running() if mine in _environment(process.pid)}


def _environment(pid: int) -> list[bytes]:
    try:
        return Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return []


@pytest.fixture
def up(tmp_path: Path, server_database: URL | None) -> Iterator[Callable[[], System]]:
    """Start `reelworks up`; with the services that the environment names, if it names some."""
    write_configuration(tmp_path / "config")
    environment = {**os.environ, "REELWORKS_CONFIG": str(tmp_path / "config")}
    if server_database is not None:
        address = server_database.render_as_string(hide_password=False)
        environment["REELWORKS_DATABASE"] = address
    started: list[System] = []

    def start() -> System:
        started.append(System(tmp_path / "config", environment))
        return started[-1]

    yield start
    for system in started:
        if system.process.poll() is None:
            system.process.terminate()
            system.process.communicate(timeout=STOPPED_WITHIN_S)


def until_none(processes: Callable[[], set[int]], within_s: float = STOPPED_WITHIN_S) -> None:
    """Wait until no such process is left."""
    until = time.monotonic() + within_s
    while left := processes():
        assert time.monotonic() < until, f"still there: {left}"
        time.sleep(0.1)
