"""The database is away, restarts, or is locked by somebody else."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from functools import partial

from sqlalchemy import or_, select

from pipeline.history.database import Database
from pipeline.models import Job
from tests.faults.checker import wait_until_ended
from tests.faults.fault import Fault, Scene
from tests.faults.proxy import Mode, Proxy
from tests.faults.stacks import EMBEDDED, SERVERS

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
    return f"{database.name} was {'killed' if crash else 'stopped'} and started"


def _locked(scene: Scene) -> str:
    scene.sometime()
    path = scene.site.media / "state" / "reelworks.db"
    with closing(sqlite3.connect(path, timeout=30, isolation_level=None)) as connection:
        say = connection.execute
        scene.broken(partial(say, "BEGIN EXCLUSIVE"), partial(say, "ROLLBACK"), LOCKED_S)
    return f"SQLite was locked for {LOCKED_S:.0f} s"


def _dies_holding(scene: Scene) -> str:
    """Lock all jobs of the batch as a part does, from a host that then is gone without a word."""
    scene.sometime(4.0)
    server = scene.stack.database
    assert server is not None
    way = Proxy(server.port)
    database = Database(server.address_at(way.host, way.port))
    with database.engine.connect() as host:
        names = [Job.original_path.like(f"%/{file.name}") for file in scene.batch.files]
        held = host.execute(select(Job.id).where(or_(*names)).with_for_update()).all()
        way.turn(Mode.SILENT)
        scene.problems += wait_until_ended(scene.site, scene.batch)
        way.close()
        host.invalidate()
    database.dispose()
    return f"a host died that held {len(held)} jobs in a transaction"


FAULTS = (
    Fault("database-holder-dies", _dies_holding, stacks=SERVERS),
    Fault("database-away", _away, stacks=SERVERS),
    Fault("database-restarted", _restarted, stacks=SERVERS),
    Fault("database-locked", _locked, stacks=(EMBEDDED,)),
)
