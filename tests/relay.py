"""Pass connections on: `python -m tests.relay LISTEN TARGET`, each a port of loopback or a socket.

A Unix socket is reached from every network namespace, so two relays lead out of one.
"""

from __future__ import annotations

import socket
import sys
import threading
from pathlib import Path


def serve(listen: str, target: str) -> None:
    """Accept for ever on `listen`, and pour what comes into `target`."""
    with _listening(listen) as listener:
        while True:
            client, _ = listener.accept()
            threading.Thread(target=_relay, args=(client, target), daemon=True).start()


def _listening(place: str) -> socket.socket:
    if place.isdigit():
        return socket.create_server(("127.0.0.1", int(place)))
    Path(place).unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(place)
    listener.listen()
    return listener


def _relay(client: socket.socket, target: str) -> None:
    try:
        server = _connected(target)
    except OSError:
        client.close()
        return
    back = threading.Thread(target=_pour, args=(server, client), daemon=True)
    back.start()
    _pour(client, server)
    back.join()


def _pour(one: socket.socket, other: socket.socket) -> None:
    """Send all that one end says to the other, then close both."""
    try:
        while data := one.recv(65536):
            other.sendall(data)
    except OSError:
        pass  # either side went
    for end in (one, other):
        end.close()


def _connected(place: str) -> socket.socket:
    if place.isdigit():
        return socket.create_connection(("127.0.0.1", int(place)))
    server = socket.socket(socket.AF_UNIX)
    server.connect(place)
    return server


if __name__ == "__main__":
    serve(sys.argv[1], sys.argv[2])
