"""What a fault is, and the scene in which it is injected."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.faults.processes import children
from tests.faults.stacks import STACKS
from tests.system import command_lines, eventually

if TYPE_CHECKING:
    import random

    from tests.faults.batch import Batch
    from tests.faults.servers import Server
    from tests.faults.site import Site
    from tests.faults.stacks import Stack


@dataclass
class Scene:
    """One round: a running system, the batch it works on, and what a fault may use."""

    site: Site
    stack: Stack
    batch: Batch
    dice: random.Random
    #: How long services stay away, seconds.
    outage_s: float
    #: What a fault found to be wrong by itself, beside what the checker finds.
    problems: list[str] = field(default_factory=list)

    def sometime(self, longest_s: float = 8.0) -> None:
        """Let the batch get somewhere, as far as the dice say."""
        time.sleep(self.dice.uniform(0.0, longest_s))

    @staticmethod
    def broken(break_it: Callable[[], object], mend_it: Callable[[], object], for_s: float) -> None:
        """Break something, leave it so for a while, and mend it, whatever happens meanwhile."""
        break_it()
        try:
            time.sleep(for_s)
        finally:
            mend_it()

    def away(self, server: Server | None) -> str:
        """Stop a server in good order, and start it when the outage is over."""
        assert server is not None
        self.sometime()
        self.broken(server.stop, server.start, self.outage_s)
        return f"{server.name} was away for {self.outage_s:.0f} s"

    def processes(self, *words: str) -> list[int]:
        """List this system's processes whose command line has all the words."""
        return self.site.system.processes(*words)

    def tool(self, *words: str, patience_s: float = 20.0) -> int | None:
        """Choose a tool that runs, by its words; waits a while for one, None when there is none."""
        until = time.monotonic() + patience_s
        while time.monotonic() < until:
            found = sorted(self.site.tools(*words))
            if found:
                return self.dice.choice(found)
            time.sleep(0.05)
        return None

    def embedded_broker(self) -> int | None:
        """Find the broker that `up` started: it writes over its environment, not its parent."""
        mine = children(self.site.pid)
        found = [pid for pid in mine if "valkey-server" in command_lines().get(pid, "")]
        return found[0] if found else None

    def kill(self, pid: int, number: signal.Signals = signal.SIGKILL) -> str:
        """Send a signal, and say what it hit."""
        line = command_lines().get(pid, "")
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            return f"process {pid} had ended"
        return f"{number.name} to {line.split('pipeline.cli')[-1].strip()[:40]}"

    def wait_for(self, look: Callable[[], object], what: str, patience_s: float = 60.0) -> None:
        """Wait for something the fault itself needs; fails the round when it does not come."""
        eventually(look, what, patience_s)


@dataclass(frozen=True)
class Fault:
    """A fault that can be injected. `inject` returns in words what it did.

    It is called when the batch was just dropped, and returns with everything mended again that
    nobody else would mend.
    """

    name: str
    inject: Callable[[Scene], str]
    stacks: tuple[str, ...] = STACKS
    #: Whether it needs disks of its own, which only root can mount.
    needs_disks: bool = False
    #: Whether it needs a C compiler, for a clock of its own.
    needs_clock: bool = False
    #: Whether it needs hosts of its own, which only root can make.
    needs_hosts: bool = False
    #: Whether parts may end over it, to be started again: no crash is looked for then.
    ends_parts: bool = False
    #: Whether it kills nobody: an order to stop, a full disk. No step may lose a try over it.
    costs_no_try: bool = False
