"""The database is away, restarts, or is locked by somebody else."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from functools import partial

from tests.faults.fault import Fault, Scene
from tests.faults.stacks import EMBEDDED, RABBIT, REDIS

SERVERS = (REDIS, RABBIT)
#: How long another process holds SQLite's lock, seconds.
LOCKED_S = 20.0


def _away(scene: Scene) -> str:
    return scene.away(scene.stack.database)


def _restarted(scene: Scene) -> str:
    """Fail over, as clients see it: every session ends, and a moment later all is there again."""
    scene.sometime()
    database = scene.stack.database
    assert database is not None
    crash = scene.dice.random() < 0.5
    if crash:
        database.kill()
    else:
        database.stop()
    database.start()
    return f"PostgreSQL was {'killed' if crash else 'stopped'} and started"


def _locked(scene: Scene) -> str:
    scene.sometime()
    path = scene.site.media / "state" / "reelworks.db"
    with closing(sqlite3.connect(path, timeout=30, isolation_level=None)) as connection:
        say = connection.execute
        scene.broken(partial(say, "BEGIN EXCLUSIVE"), partial(say, "ROLLBACK"), LOCKED_S)
    return f"SQLite was locked for {LOCKED_S:.0f} s"


FAULTS = (
    Fault("database-away", _away, stacks=SERVERS),
    Fault("database-restarted", _restarted, stacks=SERVERS),
    Fault("database-locked", _locked, stacks=(EMBEDDED,)),
)
