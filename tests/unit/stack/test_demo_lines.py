"""What a demo tells in a pipe: a line for what changes together."""

from __future__ import annotations

import io
from types import SimpleNamespace
from typing import Any

from rich.console import Console

from pipeline.cli.demo import Lines


def step(name: str, state: str, progress: float = 0.0) -> Any:
    return SimpleNamespace(name=name, state=state, progress=progress)


def test_renditions_that_change_together_are_one_line() -> None:
    file = io.StringIO()
    lines = Lines(Console(file=file, width=200))
    probe = step("probe", "done", 1.0)
    names = ("rendition:720p", "rendition:480p")
    for steps in (
        [probe, *(step(name, "waiting") for name in names)],
        [probe, *(step(name, "running", 0.3) for name in names)],
        [probe, *(step(name, "running", 0.4) for name in names)],
        [probe, *(step(name, "done", 1.0) for name in names)],
    ):
        view: Any = SimpleNamespace(steps=steps)
        lines.update(view)
    assert file.getvalue().splitlines() == [
        "probe: done",
        "rendition 720p, 480p: running 30%",
        "rendition 720p, 480p: done",
    ]
