"""Workers in processes of their own, on whatever broker a test is given."""

from __future__ import annotations

import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tests.system import PATIENCE_S

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipeline.app import Runtime


@contextmanager
def worker(ready: Runtime, *roles: str, at_once: int = 1) -> Iterator[None]:
    """Run a worker of these roles that does so many things at once."""
    command = [sys.executable, "-m", "pipeline.cli", "worker", *roles]
    with (ready.settings.root / "worker.log").open("wb") as output:
        process = subprocess.Popen(
            [*command, "--concurrency", str(at_once)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        yield
    finally:
        process.terminate()
        process.wait(PATIENCE_S)
