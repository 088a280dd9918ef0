"""What `up` says between the start of the parts and their being ready."""

from __future__ import annotations

import io
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from rich.console import Console

from pipeline.cli.stack import _until_ready


def test_up_says_what_it_waits_for_whenever_that_changes() -> None:
    missing = [{"web", "flower"}, {"web", "flower"}, {"flower"}, set()]
    system: Any = SimpleNamespace(
        missing=lambda: frozenset(missing.pop(0)), tick=lambda: None, logs=Path("logs")
    )
    stopping: Any = SimpleNamespace(asked=False)
    file = io.StringIO()
    _until_ready(Console(file=file, width=200), system, stopping)
    said = [line for line in file.getvalue().splitlines() if line.startswith("waiting")]
    assert said == ["waiting for flower, web", "waiting for flower"]
