"""A proxy between Reelworks and a server: it cuts, holds back, delays and halves."""

from __future__ import annotations

import enum
import select
import socket
import threading
import time
from contextlib import suppress

#: How long a chunk waits when the connection is slow, seconds.
DELAY_S = 0.3
#: How much is read at once, bytes: as much as a segment of Ethernet holds.
CHUNK = 1448
LOOK_S = 0.2


class Mode(enum.Enum):
    """What the proxy does to connections."""

    PASS = "passes everything on"
    CUT = "drops every connection, and takes no new one"
    SILENT = "takes everything and passes on nothing"
    SLOW = "passes everything on late"
    HALVE = "passes on half of what it reads, then drops the connection"


class Proxy:
    """Listens on `port` of `host` and speaks to `target_port` of loopback, as `mode` says."""

    def __init__(self, target_port: int, host: str = "127.0.0.1") -> None:
        self.host = host
        self.target_port = target_port
        self.mode = Mode.PASS
        self._listener = socket.create_server((host, 0))
        self.port: int = self._listener.getsockname()[1]
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._closed = False
        threading.Thread(target=self._accept, daemon=True).start()

    def turn(self, mode: Mode) -> None:
        """Change what happens to connections, the open ones too."""
        self.mode = mode
        if mode is Mode.CUT:
            self.drop()

    def drop(self) -> None:
        """Drop every connection that is open now."""
        with self._lock:
            for connection in self._open:
                # Reset, not closed politely: as a machine's death or a firewall does it.
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self._closed = True
        self.drop()
        self._listener.close()

    def _accept(self) -> None:
        while not self._closed:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            if self.mode is Mode.CUT:
                client.close()
                continue
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        try:
            server = socket.create_connection(("127.0.0.1", self.target_port), 5)
        except OSError:
            client.close()
            return
        pair = {client: server, server: client}
        with self._lock:
            self._open |= pair.keys()
        try:
            with suppress(OSError):
                self._carry(pair)
        finally:
            with self._lock:
                self._open -= pair.keys()
            for end in pair:
                end.close()

    def _carry(self, pair: dict[socket.socket, socket.socket]) -> None:
        while not self._closed:
            readable, _, _ = select.select(list(pair), [], [], LOOK_S)
            for end in readable:
                data = end.recv(CHUNK)
                if not data:
                    return
                match self.mode:
                    case Mode.CUT:
                        return
                    case Mode.SILENT:
                        continue
                    case Mode.HALVE:
                        pair[end].sendall(data[: len(data) // 2])
                        return
                    case Mode.SLOW:
                        time.sleep(DELAY_S)
                pair[end].sendall(data)
