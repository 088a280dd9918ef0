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
from tests.faults.stacks import COMPOSE, EMBEDDED, MARIADB, RABBIT, REDIS, SERVERS

#: How long Redis takes nothing, seconds.
REFUSES_S = 25.0


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
        server = _keeps_results(scene)
        if server is None:
            _embedded(scene, 1).flushdb()
        else:
            server.said("FLUSHDB", database=1)
    return "the result backend was emptied eight times"


def _results_away(scene: Scene) -> str:
    return scene.away(scene.stack.results)


def _refuses(scene: Scene) -> str:
    """Let Redis take nothing for a while, as one whose memory is full: it answers all the same."""
    scene.sometime()
    limit = partial(_limit, scene)
    scene.broken(partial(limit, 1), partial(limit, 0), REFUSES_S)
    return f"Redis took nothing for {REFUSES_S:.0f} s"


def _limit(scene: Scene, size: int) -> None:
    """Set how much memory Redis may take, bytes; 0 is without limit."""
    server = _keeps_results(scene)
    if server is None:
        _embedded(scene, 0).config_set("maxmemory", size)
    elif not server.said(f"CONFIG SET maxmemory {size}").startswith("+OK"):
        raise AssertionError("redis did not let its memory be limited")


def _keeps_results(scene: Scene) -> Redis | None:
    """Give the Redis that keeps results; it is the broker too where that is one."""
    found = scene.stack.results or scene.stack.broker
    return found if isinstance(found, Redis) else None


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
    Fault("broker-away", _away, stacks=SERVERS),
    Fault("broker-hangs", _hangs, stacks=(EMBEDDED,)),
    Fault("broker-emptied", _emptied),
    Fault("broker-purged", _purged, stacks=(RABBIT, COMPOSE)),
    Fault("broker-refuses", _refuses, stacks=(EMBEDDED, REDIS, MARIADB)),
    Fault("results-refused", _refuses, stacks=(COMPOSE,)),
    Fault("results-away", _results_away, stacks=(COMPOSE,)),
    Fault("results-emptied", _results_emptied, stacks=(EMBEDDED, REDIS, COMPOSE, MARIADB)),
)
