"""Ports are looked at before anything starts."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator

import pytest

from pipeline.cli import EXIT_UNREACHABLE, exit_code
from pipeline.errors import ReelworksError
from pipeline.settings.load import Settings
from pipeline.settings.values import Listen
from pipeline.stack import ports

Configured = Callable[[str], Settings]


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        yield other.getsockname()[1]


@pytest.mark.parametrize(("part", "other"), [("web", "flower"), ("flower", "web")])
def test_a_taken_port_is_named_with_the_key_to_change(
    configured: Configured, taken: int, part: str, other: str
) -> None:
    free = ports.free_port()
    text = f"{part}: {{listen: '127.0.0.1:{taken}'}}\n{other}: {{listen: '127.0.0.1:{free}'}}\n"
    with pytest.raises(ReelworksError) as raised:
        ports.check_free(configured(text))
    assert f"127.0.0.1:{taken}" in raised.value.message
    assert f"{part}.listen" in raised.value.hint
    assert f"REELWORKS_{part.upper()}_LISTEN" in raised.value.hint
    assert exit_code(raised.value) == EXIT_UNREACHABLE


def test_a_port_whose_connection_has_just_ended_is_free() -> None:
    with socket.socket() as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as our servers do
        server.bind(("127.0.0.1", 0))
        server.listen()
        port = server.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)):
            server.accept()[0].close()
    assert ports.why_not(Listen(host="127.0.0.1", port=port)) is None


def test_a_host_nobody_knows_is_said_to_be_unknown() -> None:
    problem = ports.why_not(Listen(host="no-such-host.invalid", port=80))
    assert problem is not None
    assert "no-such-host.invalid" in problem


def test_port_0_becomes_one_free_port_that_all_parts_know(configured: Configured) -> None:
    settings = ports.chosen(configured("web: {listen: '127.0.0.1:0'}"))
    assert settings.pipeline.web.listen.port > 0
    assert settings.pipeline.flower.listen.port == 5555
