"""Serving in a process of its own, and stopping it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

from pipeline.errors import ReelworksError
from pipeline.web import receiving, serve
from tests.integration.web.site import PATIENCE_S, until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.integration.web.site import Site

ROOT = Path(__file__).parents[3]
PROGRAM = """
import sys
from pipeline.app import runtime
from pipeline.web import receiving, serve
serve(runtime(), "127.0.0.1", int(sys.argv[1]))
print("returned")
"""


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as held:
        port: int = held.getsockname()[1]
    return port


@pytest.fixture
def server(site: Site) -> Iterator[tuple[subprocess.Popen[str], str]]:
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(port)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    address = f"http://127.0.0.1:{port}"

    def answers() -> bool:
        try:
            return httpx.get(f"{address}/healthz").is_success
        except httpx.TransportError:
            return False

    try:
        until(answers)
        yield process, address
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_stops_at_once_although_somebody_listens(
    site: Site, server: tuple[subprocess.Popen[str], str], number: signal.Signals
) -> None:
    process, address = server
    job = site.job()
    with httpx.stream("GET", f"{address}/api/v1/jobs/{job.id}/events", timeout=PATIENCE_S) as told:
        lines = told.iter_lines()
        while not next(lines).startswith("data"):
            pass
        began = time.monotonic()
        process.send_signal(number)
        said, _ = process.communicate(timeout=PATIENCE_S)
    assert time.monotonic() - began < 15  # a page may stay open for hours
    assert process.returncode == 0
    assert said.splitlines()[-1] == "returned"
    assert "Traceback" not in said


def test_an_upload_that_is_under_way_does_not_hold_up_a_stop_and_leaves_nothing(
    site: Site, server: tuple[subprocess.Popen[str], str]
) -> None:
    process, address = server
    port = int(address.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port)) as wire:
        wire.sendall(
            b"POST /api/v1/uploads?name=a.mp4 HTTP/1.1\r\nHost: 127.0.0.1\r\n"
            b"Content-Length: 9000000\r\n\r\n" + b"x" * 2_000_000
        )
        until(lambda: site.inbox.is_dir() and any(site.inbox.iterdir()))
        process.terminate()
        process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0
    assert list(site.inbox.iterdir()) == []


def test_a_server_that_is_killed_leaves_what_the_next_one_sweeps(
    site: Site, server: tuple[subprocess.Popen[str], str]
) -> None:
    site.inbox.mkdir()
    left = site.inbox / ".upload-left"
    left.write_bytes(b"half")
    os.utime(left, (1, 1))
    with site.served():
        assert not left.exists()


def test_what_a_server_left_that_was_killed_just_now_is_swept_a_little_later(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(receiving, "FRESH_S", 1.0)
    site.inbox.mkdir()
    left = site.inbox / ".upload-left"
    left.write_bytes(b"half")
    with site.served():
        until(lambda: not left.exists())


def test_an_port_in_use_is_said_so(site: Site) -> None:
    with socket.create_server(("127.0.0.1", 0)) as held:
        port = held.getsockname()[1]
        with pytest.raises(ReelworksError, match=f"can't listen on 127.0.0.1:{port}") as refused:
            serve(site.ready, "127.0.0.1", port)
    assert refused.value.code == "port_in_use"
