"""Real beats for tests: processes on a broker of their own, whose queues can be looked into."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from redis import Redis

#: The longest anything here may take, seconds: the machine may be busy.
PATIENCE_S = 90.0
COMMAND = ("-m", "pipeline.cli", "beat")


def eventually(look: Callable[[], Any], what: str) -> Any:
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        if found := look():
            return found
        time.sleep(0.1)
    raise AssertionError(f"waited {PATIENCE_S:.0f} s in vain for {what}")


@dataclass
class Beat:
    """One running beat and what it said."""

    process: subprocess.Popen[bytes]
    log: Path

    def said(self) -> str:
        return self.log.read_text()

    def says(self, words: str) -> None:
        eventually(lambda: words in self.said() or self.process.poll() is not None, words)
        assert words in self.said(), self.said()

    def stop(self) -> int:
        self.process.terminate()
        return self.ends()

    def ends(self) -> int:
        return self.process.wait(PATIENCE_S)


@dataclass
class Beats:
    """The beats of one system, its configuration and its broker."""

    config_dir: Path
    environ: dict[str, str]
    broker: Redis
    started: list[Beat] = field(default_factory=list)

    def schedule(self, text: str) -> None:
        (self.config_dir / "schedules.yml").write_text(text)

    def start(self, *command: str) -> Beat:
        log = self.config_dir.parent / f"beat-{len(self.started)}.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, *(command or COMMAND)],
                env={**os.environ, **self.environ, "REELWORKS_CONFIG": str(self.config_dir)},
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        self.started.append(Beat(process, log))
        return self.started[-1]

    def sent(self, name: str) -> list[dict[str, Any]]:
        """List the messages that a row of this name caused, from whatever queue they wait in."""
        found = []
        for key in self.broker.keys("*"):
            if self.broker.type(key) == b"list":
                found += [json.loads(text) for text in self.broker.lrange(key, 0, -1)]
        return [one for one in found if one["headers"].get("periodic_task_name") == name]

    def sends(self, name: str, more_than: int = 0) -> list[dict[str, Any]]:
        def look() -> list[dict[str, Any]]:
            messages = self.sent(name)
            return messages if len(messages) > more_than else []

        return list(eventually(look, f"{name} to be sent"))
