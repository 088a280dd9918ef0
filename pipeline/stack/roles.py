"""The roles of workers: which queues each serves, how, and how much at once."""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any, Literal

from pipeline.errors import ReelworksError
from pipeline.plan.hardware import KINDS, Hardware
from pipeline.queues import ENCODE, encode_queue
from pipeline.settings.load import Settings

#: Looking after jobs is short work, but one slow database answer must not stop all of it.
CONTROL_SLOTS = 2
#: Alerts and scans mostly wait: for other people's servers, and for files to settle.
NOTIFY_SLOTS = 4
#: How Celery is told to stop in time: its warm shutdown would wait for a whole encode. It then
#: waits `worker_soft_shutdown_timeout` and gives the work back (Celery 5.7, "Soft shutdown").
STOP_IN_TIME = {"REMAP_SIGTERM": "SIGQUIT"}

#: The pools, by their names: they bring Celery with them.
POOLS = {"prefork": "pipeline.processes:Processes", "threads": "pipeline.threads:Threads"}


@dataclass(frozen=True)
class Role:
    """One kind of worker. Media work is prefork, so that a crash of one encode stays its own."""

    name: str
    queues: tuple[str, ...]
    pool: Literal["prefork", "threads"]
    slots: Callable[[Settings], int]
    #: Whether it also serves the queues of the hardware that works here.
    encodes: bool = False

    def all_queues(
        self, hardware: Collection[Hardware], tags: Collection[str] = ()
    ) -> tuple[str, ...]:
        """Name its queues where `hardware` works, and its worker has `tags`.

        What not everybody can take comes first: what needs a tag, then what needs hardware.
        """
        kinds = [kind for kind in KINDS if self.encodes and kind in hardware]
        cards = [encode_queue(kind) for kind in kinds]
        tagged = [
            f"{queue}.{tag}"
            for tag in tags
            for queue in (*cards, *self.queues)
            if self.encodes and queue in ENCODE
        ]
        return (*tagged, *cards, *self.queues)


ROLES = {
    role.name: role
    for role in (
        Role(
            "encode",
            ("encode.cpu", "check"),
            "prefork",
            lambda all_: all_.pipeline.workers.encode_slots(),
            encodes=True,
        ),
        Role("encode-gpu", (), "prefork", lambda _: 1, encodes=True),
        Role(
            # On Redis in this order: a begun job goes on before another begins.
            "package",
            ("package", "probe"),
            "prefork",
            lambda all_: all_.pipeline.workers.package_slots(),
        ),
        Role("control", ("control",), "threads", lambda _: CONTROL_SLOTS),
        Role("notify", ("notify", "ingest"), "threads", lambda _: NOTIFY_SLOTS),
    )
}
#: What one machine without a GPU runs.
EVERYDAY = ("encode", "package", "control", "notify")


def node(role: str, number: int = 1) -> str:
    """Name the first worker of this role on this machine, or another by its number.

    What it holds is freed by this name.
    """
    return f"{role if number == 1 else f'{role}.{number}'}@{socket.gethostname()}"


def pattern(roles: Collection[str], host: str | None = None) -> str:
    """Give the regular expression for the names of all workers of these roles on a machine.

    On this one when no other is named.
    """
    kinds = "|".join(map(re.escape, roles))
    return rf"(?:{kinds})(?:\.\d+)?@{re.escape(host or socket.gethostname())}$"


def celery_options(
    role: Role,
    name: str,
    settings: Settings,
    concurrency: int | None = None,
    hardware: Collection[Hardware] = (),
    tags: Collection[str] = (),
) -> dict[str, Any]:
    """Say how Celery starts the worker `name` of this role where `hardware` works; it has `tags`.

    `concurrency` overrides its usual slots. Raises `ReelworksError` (`no_hardware`) when the role
    is only for hardware and none works here.
    """
    queues = role.all_queues(hardware, tags)
    if not queues:
        raise ReelworksError(
            "no_hardware",
            f"No graphics card encodes on this machine, so a worker {role.name} has no work.",
            "`reelworks doctor` shows what was tried; `reelworks worker encode` uses the processor "
            "and whatever else works.",
        )
    return {
        "hostname": name,
        "queues": list(queues),
        "pool_cls": POOLS[role.pool],
        "concurrency": concurrency or role.slots(settings),
        "loglevel": os.environ.get("REELWORKS_LOG_LEVEL", "INFO"),
        # Workers need nothing from each other: the database knows. Asking costs a second.
        "without_gossip": True,
        "without_mingle": True,
        "quiet": True,
    }
