"""Wall seconds of `make run`, from a fresh clone until everything answers."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import time
from pathlib import Path

import yaml

from benchmarks.private import PATIENCE_S
from benchmarks.report import Report
from pipeline.stack.ports import free_port

REPOSITORY = Path(__file__).parent.parent
GOAL_S = 60.0


def run() -> Report:
    """Clone, `make run`, stop; then once more in the same clone."""
    with tempfile.TemporaryDirectory(prefix="reelworks-bench-") as name:
        clone = Path(name) / "reelworks"
        subprocess.run(["git", "clone", "-q", str(REPOSITORY), str(clone)], check=True)
        first = _until_ready(clone)
        again = _until_ready(clone)
    return Report(
        "ready",
        {"make run in a fresh clone, seconds": first, "make run again, seconds": again},
        {"make run in a fresh clone, seconds": GOAL_S},
        ("the first run makes the virtual environment and installs the locked packages",),
    )


def _until_ready(clone: Path) -> float:
    config = clone / "config" / "pipeline.yml"
    document = yaml.safe_load(config.read_text())
    document["web"] = {"listen": f"127.0.0.1:{free_port()}"}
    document["flower"] = {"listen": f"127.0.0.1:{free_port()}"}
    config.write_text(yaml.safe_dump(document))
    environment = {k: v for k, v in os.environ.items() if k not in ("VIRTUAL_ENV", "MAKEFLAGS")}
    log = clone / "run.log"
    began = time.monotonic()
    with log.open("wb") as output:
        process = subprocess.Popen(
            ["make", "run"],
            cwd=clone,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        while "is ready" not in log.read_text(errors="replace"):
            if process.poll() is not None or time.monotonic() - began > PATIENCE_S:
                raise RuntimeError(f"make run did not get ready:\n{log.read_text()}")
            time.sleep(0.1)
        return time.monotonic() - began
    finally:
        # As Ctrl-C in a terminal: the whole foreground group hears it.
        os.killpg(process.pid, signal.SIGINT)
        process.wait(60)
