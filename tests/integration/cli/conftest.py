"""The command line in this process, on a configuration and a database of the test's own."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from pipeline.app import app
from pipeline.cli import main

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipeline.app import Runtime


@dataclass(frozen=True)
class Said:
    """What a command line printed, and how it ended."""

    status: int
    out: str
    err: str

    def objects(self) -> list[Any]:
        return [json.loads(line) for line in self.out.splitlines()]


@pytest.fixture
def reelworks(
    ready: Runtime, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Said]:
    """Run one command line, with nothing sent to the broker; nothing that it raised is lost."""
    monkeypatch.setattr(app, "send_task", lambda *_, **__: None)
    monkeypatch.setattr("pipeline.runtime.runtime", lambda: ready)

    def run(*words: str) -> Said:
        with pytest.raises(SystemExit) as ended:
            main(words)
        status = ended.value.code
        assert isinstance(status, int)
        told = capsys.readouterr()
        return Said(status, told.out, told.err)

    return run
