"""The broker is away, hangs, or forgets what it was told."""

from __future__ import annotations

import os
import signal
from functools import partial
from typing import Any

from kombu import Connection
from redis import Redis as Client

from pipeline.queues import PREFIX, QUEUES
from tests.faults.fault import Fault, Scene
from tests.faults.servers import Redis
from tests.faults.stacks import EMBEDDED, RABBIT, REDIS


def _away(scene: Scene) -> str:
    return scene.away(scene.stack.broker)


def _hangs(scene: Scene) -> str:
    """Stop the embedded broker's process: it holds its connections and answers nothing."""
    scene.sometime()
    pid = scene.embedded_broker()
    assert pid is not None
    send = partial(os.kill, pid)
    scene.broken(partial(send, signal.SIGSTOP), partial(send, signal.SIGCONT), scene.outage_s)
    return f"the broker hung for {scene.outage_s:.0f} s"


def _emptied(scene: Scene) -> str:
    scene.sometime()
    if scene.stack.broker is not None:
        scene.stack.broker.empty()
        return f"{scene.stack.broker.name} forgot everything"
    _embedded(scene, 0).flushall()
    return "FLUSHALL"


def _results_emptied(scene: Scene) -> str:
    """Empty the result backend a few times: a chord's counter is gone whenever there is one."""
    for _ in range(8):
        scene.sometime(1.5)
        broker = scene.stack.broker
        if isinstance(broker, Redis):
            broker.said("FLUSHDB", database=1)
        else:
            _embedded(scene, 1).flushdb()
    return "the result backend was emptied eight times"


def _purged(scene: Scene) -> str:
    """Purge every queue; exchanges and bindings stay."""
    scene.sometime()
    purged = 0
    for queue in QUEUES:
        purged += _purge(scene.site.broker, f"{PREFIX}{queue}")
    return f"{purged} messages were purged"


def _purge(address: str, queue: str) -> int:
    with Connection(address) as connection:
        try:
            channel: Any = connection.channel()
            return int(channel.queue_purge(queue) or 0)
        except connection.channel_errors:
            return 0


def _embedded(scene: Scene, database: int) -> Client:
    return Client(unix_socket_path=str(scene.site.broker_socket), db=database)


FAULTS = (
    Fault("broker-away", _away, stacks=(REDIS, RABBIT)),
    Fault("broker-hangs", _hangs, stacks=(EMBEDDED,)),
    Fault("broker-emptied", _emptied),
    Fault("broker-purged", _purged, stacks=(RABBIT,)),
    Fault("results-emptied", _results_emptied, stacks=(EMBEDDED, REDIS)),
)
