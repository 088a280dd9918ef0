"""The whole system, running: broker first, tables next, then every part; all gone at the end."""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from pipeline.app import Runtime
from pipeline.errors import ReelworksError
from pipeline.last_resort import killed_after_s
from pipeline.stack import composition, flower, logfile, ports, valkey
from pipeline.stack.fullness import Fullness
from pipeline.stack.guard import Guard
from pipeline.stack.readiness import Readiness
from pipeline.stack.recovery import mend_broker
from pipeline.stack.state import held
from pipeline.stack.supervisor import Notice, Supervisor, What

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from pipeline.settings.load import Settings
    from pipeline.stack.stopping import Stopping

#: How often parts are looked after, seconds.
TICK_S = 0.1
#: Flower asks the workers about themselves when it starts, and not again by itself.
AFTER_WORKERS = frozenset({"flower"})
#: A broker that died this often before it ever answered will not start.
BROKER_TRIES = 4


class System:
    """A started system: call `tick` a few times a second; ask `missing` until it is empty."""

    def __init__(self, settings: Settings, supervisor: Supervisor, fullness: Fullness) -> None:
        self.settings = settings
        self._fullness = fullness
        self._supervisor = supervisor
        parts = composition.parts(settings)
        self._readiness = Readiness(settings, parts)
        self._workers = frozenset(part.name for part in parts if part.node)
        self._at_once = [part for part in parts if part.name not in AFTER_WORKERS]
        self._later = [part for part in parts if part.name in AFTER_WORKERS]

    @property
    def logs(self) -> Path:
        """The folder of the parts' logs."""
        return logs(self.settings)

    def start(self) -> None:
        """Start the parts; the broker must answer already."""
        for part in self._at_once:
            self._supervisor.start(part)

    def tick(self) -> None:
        """Look after the parts, then rest a little: call it in a loop."""
        self._supervisor.tick()
        self._fullness.tick()
        time.sleep(TICK_S)

    def missing(self) -> frozenset[str]:
        """Name the parts that are not ready yet; takes a second at most.

        Call it until it is empty: it also starts what has to wait for the workers.
        """
        missing = self._readiness.missing()
        if self._later and not missing & self._workers:
            for part in self._later:
                self._supervisor.start(part)
            self._later = []
        return missing


@contextmanager
def running(
    settings: Settings, stopping: Stopping, tell: Callable[[Notice], None]
) -> Iterator[System]:
    """Start the system, and stop it at the end of the block; `tell` hears what happens to parts.

    Raises `ReelworksError`, before anything is started, when another system holds the state
    folder (`already_running`) or a port is taken (`port_in_use`); later when the broker or the
    database can't be used. While the state folder's disk is full nothing is started. The block
    may begin with nothing started when `stopping` was asked.
    """
    state = settings.pipeline.paths.state
    grace_s = killed_after_s(settings.pipeline.workers.stop_grace.total_seconds())
    valkey.make_private(state)
    fullness = Fullness(settings, tell)
    fullness.until_room(stopping)
    with held(state, patience_s=grace_s + 5) as lock:
        ports.check_free(settings)
        flower.password(settings)
        broker = _Deaths(tell)
        guard = Guard(grace_s=grace_s, keep=(lock,))
        supervisor = Supervisor(logs=logs(settings), tell=broker, guard=guard)
        try:
            if valkey.is_needed(settings):
                mend = partial(mend_broker, settings)
                part = replace(valkey.part(settings, keep=(lock,)), after_death=mend)
                supervisor.start(part)
                _await_broker(settings, supervisor, stopping, broker)
            Runtime(settings).prepare()
            system = System(settings, supervisor, fullness)
            if not stopping.asked:
                system.start()
            yield system
        finally:
            supervisor.stop(grace_s=grace_s, hurried=stopping.hurried)
            guard.close()


def logs(settings: Settings) -> Path:
    """The folder of the parts' logs."""
    return settings.pipeline.paths.state / "logs"


class _Deaths:
    """Passes notices on, and counts how often a part died."""

    def __init__(self, tell: Callable[[Notice], None]) -> None:
        self._tell = tell
        self.count = 0

    def __call__(self, notice: Notice) -> None:
        self.count += notice.what is What.DIED
        self._tell(notice)


def _await_broker(
    settings: Settings, supervisor: Supervisor, stopping: Stopping, deaths: _Deaths
) -> None:
    # A large file takes a while to read: as long as the broker lives it is waited for.
    while not valkey.answers(settings) and not stopping.asked:
        supervisor.tick()
        if deaths.count >= BROKER_TRIES:
            log = logs(settings) / f"{valkey.NAME}.log"
            said = " / ".join(logfile.last_lines(log, 3))
            raise ReelworksError("unreachable", f"The broker does not start: {said}", f"See {log}.")
        time.sleep(TICK_S)
