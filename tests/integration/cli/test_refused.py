"""What the command line refuses, by the codes that scripts compare."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from pipeline.cli import demo
from pipeline.errors import ReelworksError

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipeline.app import Runtime
    from tests.integration.cli.conftest import Said

    Reelworks = Callable[..., Said]


def test_a_pipe_is_no_file(reelworks: Reelworks, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "clip.mp4")
    said = reelworks("ingest", str(tmp_path / "clip.mp4"), "--json")
    assert said.status == 2
    assert said.objects()[0]["error"]["code"] == "not_a_file"


def test_a_file_that_the_demo_s_watcher_never_takes(
    ready: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demo, "TAKEN_WITHIN_S", -1)
    system: Any = SimpleNamespace(tick=lambda: None, logs=Path("/demo/logs"))
    waiting: Any = SimpleNamespace(asked=False)
    display: Any = SimpleNamespace()
    with pytest.raises(ReelworksError, match="watcher did not take") as caught:
        demo._watch(ready.settings, system, waiting, display)
    assert caught.value.code == "not_taken"
    assert "/demo/logs" in caught.value.hint
