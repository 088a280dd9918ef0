"""Hosts of a fault run's own: what they are, that they can be cut off, and that nothing is left."""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path

import pytest

from tests.faults.lan import Host, lan, why_none
from tests.system import command_lines, eventually

NO_HOSTS = why_none()
#: Says the host's name, and waits for a word from the address it is given.
CALLER = (
    "import socket, sys; print(socket.gethostname(), flush=True);"
    "print(socket.create_connection((sys.argv[1], int(sys.argv[2]))).recv(9), flush=True)"
)


def test_a_trial_that_fails_tells_its_exit_code_and_words() -> None:
    said = why_none(("sh", "-c", "echo not permitted >&2; exit 3"))
    assert said is not None
    assert said.endswith("exit code 3: not permitted")
    assert "no-such-program" in str(why_none(("no-such-program",)))
    assert why_none(("true",)) is None


@pytest.mark.skipif(NO_HOSTS is not None, reason=f"no hosts can be made here: {NO_HOSTS}")
def test_a_host_has_a_name_is_cut_off_and_dies_without_a_trace(tmp_path: Path) -> None:
    with (
        lan(("alpha", "beta")) as (network, hosts),
        socket.create_server((network.address, 0)) as server,
    ):
        server.settimeout(30)
        for host in hosts:
            port = str(server.getsockname()[1])
            argv = (sys.executable, "-c", CALLER, network.address, port)
            host.start(argv, os.environ, str(tmp_path))
        calls = [server.accept()[0] for _ in hosts]
        alpha, beta = hosts
        beta.die()
        eventually(lambda: beta.pid not in command_lines(), "the host to be dead")
        alpha.cut()
        assert not carries(alpha)
        for call in calls:
            call.sendall(b"well")
            call.close()
        alpha.mend()
        eventually(lambda: said(tmp_path, alpha) == ["alpha", "b'well'"], "the word to arrive")
        assert said(tmp_path, beta) == ["beta"]
        alpha.stop()
    assert not {one.pid for one in hosts} & set(command_lines())
    assert not list(Path("/sys/class/net").glob(f"{network.bridge}*"))


def carries(host: Host) -> bool:
    return Path(f"/sys/class/net/{host.card}/operstate").read_text().strip() == "up"


def said(folder: Path, host: Host) -> list[str]:
    return (folder / f"{host.name}.log").read_text().split("\n")[:-1]
