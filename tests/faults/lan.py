"""Hosts of a fault run's own on one machine: each with a network, a name and processes of its own.

Each is a set of namespaces (network, UTS, PID, mount), joined to a bridge by a pair of virtual
cards. The machine itself is one host more, at the bridge's address. All see the same files.
That needs root.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.faults.processes import children
from tests.system import command_lines, eventually

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

#: What makes a host: its first process holds it until its input ends, also when we are killed.
UNSHARE = ("unshare", "--net", "--uts", "--pid", "--fork", "--mount-proc")
#: Whether virtual cards can be made tells whether hosts can.
TRIAL = (*UNSHARE, "ip", "link", "add", "trial", "type", "veth", "peer", "name", "other")
#: How long a process may take to stop, seconds.
STOP_S = 60.0


def why_none(trial: Sequence[str] = TRIAL) -> str | None:
    """Say why no hosts can be made here; None when they can."""
    try:
        done = subprocess.run(trial, check=False, capture_output=True, text=True, timeout=30)
    except OSError as problem:
        return str(problem)
    if done.returncode == 0:
        return None
    return f"{' '.join(trial)}: exit code {done.returncode}: {done.stderr.strip()}"


@dataclass
class Host:
    """One host. `card` is the bridge's end of its cable, `pid` its first process."""

    name: str
    card: str
    pid: int
    started: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def start(self, argv: Sequence[str], environment: Mapping[str, str], folder: str) -> None:
        """Start a process there; its output goes into a file of the host's name."""
        with open(f"{folder}/{self.name}.log", "ab") as log:  # noqa: PTH123
            process = subprocess.Popen(
                [*self._enter(), *argv],
                env=environment,
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.started.append(process)

    def join(self, address: str) -> None:
        """Give its end of the cable an address."""
        say = ("sh", "-c", f"ip address add {address} dev eth0 && ip link set eth0 up")
        subprocess.run([*self._enter(), *say], check=True)

    def cut(self) -> None:
        """Pull its cable out: nothing arrives, and nobody is told."""
        _ip("link", "set", self.card, "down")

    def mend(self) -> None:
        """Put its cable back."""
        _ip("link", "set", self.card, "up")

    def die(self) -> None:
        """End it as a loss of power does: no connection is closed, no process is asked."""
        self.cut()
        os.kill(self.pid, signal.SIGKILL)
        while self.started:
            self.started.pop().wait(STOP_S)

    def stop(self) -> list[int]:
        """Ask its processes to stop, and wait until they have; lists the statuses of failure."""
        failed = []
        while self.started:
            process = self.started.pop()
            for pid in children(process.pid):
                os.kill(pid, signal.SIGTERM)
            if status := process.wait(STOP_S):
                failed.append(status)
        return failed

    def _enter(self) -> tuple[str, ...]:
        where = ("--net", "--uts", "--pid", "--mount")
        return ("nsenter", "--target", str(self.pid), *where, "--")


@dataclass(frozen=True)
class Lan:
    """A bridge. `address` is this machine's own on it."""

    bridge: str
    network: str

    @property
    def address(self) -> str:
        return f"{self.network}.1"

    @contextmanager
    def host(self, name: str, number: int) -> Iterator[Host]:
        """Make a host of this name; whatever runs there is killed at the end."""
        script = 'ip link set lo up && hostname "$0" && exec cat'
        argv = [*UNSHARE, "sh", "-c", script, name]
        card = f"{self.bridge}-{number}"
        holder = subprocess.Popen(argv, stdin=subprocess.PIPE, stderr=subprocess.PIPE)
        try:
            (pid,) = eventually(lambda: _ready(holder), f"the host {name}", 30)
            _ip("link", "add", card, "type", "veth", "peer", "eth0", "netns", str(pid))
            _ip("link", "set", card, "master", self.bridge, "up")
            host = Host(name, card, pid)
            host.join(f"{self.network}.{number}/24")
            yield host
        finally:
            # Its first process ends with its input, all others with that.
            holder.communicate(timeout=STOP_S)
            # Its cable, too, but not at once: who died has perhaps none any more.
            subprocess.run(["ip", "link", "delete", card], check=False, capture_output=True)


def _ready(holder: subprocess.Popen[bytes]) -> list[int] | None:
    """Give the first process when it has become the one that holds the host."""
    if holder.poll() is not None:
        _, said = holder.communicate()
        raise AssertionError(f"no host: exit code {holder.returncode}: {said.decode()}")
    found = children(holder.pid)
    return found if [command_lines().get(pid, "").strip() for pid in found] == ["cat"] else None


@contextmanager
def lan(names: Sequence[str]) -> Iterator[tuple[Lan, list[Host]]]:
    """Make a network with hosts of these names; all of it is gone at the end."""
    # Set aside for measurements (RFC 2544), so nobody else's.
    network = f"198.{random.choice((18, 19))}.{random.randrange(256)}"
    made = Lan(f"rw{os.getpid()}", network)
    _ip("link", "add", made.bridge, "type", "bridge")
    try:
        _ip("address", "add", f"{made.address}/24", "dev", made.bridge)
        _ip("link", "set", made.bridge, "up")
        with ExitStack() as hosts:
            yield (
                made,
                [
                    hosts.enter_context(made.host(name, number))
                    for number, name in enumerate(names, start=2)
                ],
            )
    finally:
        _ip("link", "delete", made.bridge)


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True)
