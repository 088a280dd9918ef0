"""A channel on this machine: it counts alerts, and fails as it is told to."""

from __future__ import annotations

import json
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass
class Receiver:
    """What was received; `mood` is taken, `500`, `hang`, `drip` or `drop`."""

    port: int = 0
    mood: str = "taken"
    alerts: list[dict[str, Any]] = field(default_factory=list)
    asked: int = 0
    released: threading.Event = field(default_factory=threading.Event)

    def url(self, rest: str = "") -> str:
        return f"json://127.0.0.1:{self.port}/{rest}"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_POST(self) -> None:
        state = self.server.state
        state.asked += 1
        alert = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        match state.mood:
            case "taken":
                state.alerts.append(alert)
                self._answer(200)
            case "late":
                state.alerts.append(alert)
                state.released.wait(30)
                self._answer(200)
            case "500":
                self._answer(500)
            case "hang":
                state.released.wait(30)
            case "drip":
                self._drip(state.released)

    def _answer(self, status: int) -> None:
        self.send_response(status)
        self.end_headers()

    def _drip(self, released: threading.Event) -> None:
        # A byte now and then: no single read ever takes too long.
        while not released.is_set():
            try:
                self.wfile.write(b"H")
            except OSError:
                return
            time.sleep(0.1)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, state: Receiver) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.state = state

    def handle_error(self, request: Any, client_address: Any) -> None:
        pass  # a client that gave up is what some tests are about


@contextmanager
def receiver() -> Iterator[Receiver]:
    """Listen on a free port of the loopback."""
    state = Receiver()
    server = Server(state)
    state.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield state
    finally:
        state.released.set()
        server.shutdown()
        server.server_close()
        thread.join(10)
