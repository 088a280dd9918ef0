"""The whole system: it starts, shows itself, and is gone when it is told to go, or killed."""

from __future__ import annotations

import base64
import contextlib
import json
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.stack import flower
from pipeline.stack.roles import EVERYDAY, node
from tests.integration.stack.conftest import ROOT, System, until_none

pytestmark = pytest.mark.stack

#: Starting Python takes long on a busy machine.
REFUSED_WITHIN_S = 120
SHOWN_WITHIN_S = 20
EVERYBODY = {node(role) for role in EVERYDAY}


def status(url: str, credentials: str = "") -> tuple[int, bytes]:
    request = urllib.request.Request(url)
    if credentials:
        coded = base64.b64encode(credentials.encode()).decode()
        request.add_header("Authorization", f"Basic {coded}")
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()


def test_it_shows_itself_refuses_a_second_one_and_leaves_nothing_behind(
    up: Callable[[], System],
) -> None:
    system = up()
    system.until("worker-encode started")
    second = reelworks_up(system.environment)
    assert second.returncode == 3
    assert "running already" in second.stderr

    system.until("Reelworks is ready")
    pipeline = system.settings.pipeline
    assert status(f"http://{pipeline.web.listen}/healthz")[0] == 200
    page = f"http://{pipeline.flower.listen}"
    secret = f"{pipeline.flower.user}:{flower.password(system.settings)}"
    assert status(page)[0] == 401
    assert status(f"{page}/api/workers")[0] == 401
    assert status(page, secret)[0] == 200
    # Flower answers while it still asks the workers about themselves.
    until = time.monotonic() + SHOWN_WITHIN_S
    while set(json.loads(status(f"{page}/api/workers", secret)[1])) != EVERYBODY:
        assert time.monotonic() < until, "Flower does not show the workers"
        time.sleep(0.2)
    assert not [line for line in arguments() if flower.password(system.settings) in line]

    third = reelworks_up({**system.environment, "REELWORKS_STATE": f"{system.config}/../other"})
    assert third.returncode == 3
    assert "web.listen" in third.stderr

    assert system.interrupt() == 0
    assert "Stopped: no process is left behind." in system.lines
    assert not system.processes()


def test_killing_up_leaves_nothing_behind_and_does_not_block_the_next_start(
    up: Callable[[], System],
) -> None:
    system = up()
    system.until("Reelworks is ready")
    killed = system.processes()
    system.process.kill()
    system.process.communicate()
    again = up()
    again.until("worker-encode started")
    assert not again.processes() & killed, "it began before the killed system was gone"
    again.process.send_signal(signal.SIGINT)
    assert again.interrupt() == 0
    until_none(again.processes)


def arguments() -> list[str]:
    found = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            found.append(file.read_bytes().decode(errors="replace"))
    return found


def reelworks_up(environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "pipeline.cli", "up"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=REFUSED_WITHIN_S,
        check=False,
    )
