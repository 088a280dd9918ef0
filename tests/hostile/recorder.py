"""A server on loopback that takes down whoever comes, by TCP and by UDP."""

from __future__ import annotations

import socket
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Event, Thread
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

#: How often the server looks whether it is to end, seconds.
LOOK_S = 0.1


@dataclass
class Recorder:
    """`port` is one of TCP and of UDP alike; `seen` is what came, as it came."""

    port: int
    seen: list[bytes] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@contextmanager
def recording() -> Iterator[Recorder]:
    """Listen until the block ends."""
    with socket.socket() as stream, socket.socket(type=socket.SOCK_DGRAM) as datagrams:
        stream.bind(("127.0.0.1", 0))
        port = stream.getsockname()[1]
        datagrams.bind(("127.0.0.1", port))
        stream.listen()
        recorder, over = Recorder(port), Event()
        threads = [
            Thread(target=_answer, args=(stream, recorder, over)),
            Thread(target=_take, args=(datagrams, recorder, over)),
        ]
        for one, thread in zip((stream, datagrams), threads, strict=True):
            one.settimeout(LOOK_S)
            thread.start()
        try:
            yield recorder
        finally:
            over.set()
            for thread in threads:
                thread.join()


def _answer(listening: socket.socket, recorder: Recorder, over: Event) -> None:
    while not over.is_set():
        try:
            caller, _ = listening.accept()
        except TimeoutError:
            continue
        with caller:
            caller.settimeout(1)
            recorder.seen.append(b"connected")
            try:
                recorder.seen[-1] += b": " + caller.recv(4096)
                caller.sendall(b"HTTP/1.0 404 Not Found\r\n\r\n")
            except OSError:
                continue  # it was seen, which is all that is asked


def _take(datagrams: socket.socket, recorder: Recorder, over: Event) -> None:
    while not over.is_set():
        try:
            recorder.seen.append(b"datagram: " + datagrams.recv(4096))
        except TimeoutError:
            continue
