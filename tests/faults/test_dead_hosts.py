"""A host that dies in the midst of a transaction: the locks that it held are soon free."""

from __future__ import annotations

import os
import sys
import time
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text

from pipeline.history import postgres
from pipeline.history.database import Database
from pipeline.history.waits import SILENT_S
from tests.faults.lan import lan, why_none
from tests.faults.servers import Postgres
from tests.system import eventually

if TYPE_CHECKING:
    from pathlib import Path

NO_HOSTS = why_none()
#: Locks a row of the database at the address it is given, and keeps it for longer than the test.
HOLDING = """
import sys, time
from sqlalchemy import text
from pipeline.history.database import Database
with Database(sys.argv[1]).begin() as session:
    session.execute(text("SELECT * FROM one FOR UPDATE"))
    print("holds", flush=True)
    session.execute(text(sys.argv[2]))
    time.sleep(300)
"""


@pytest.mark.skipif(NO_HOSTS is not None, reason=f"no hosts can be made here: {NO_HOSTS}")
@pytest.mark.parametrize(
    "asked", ["SELECT 1", "SELECT pg_sleep(3)"], ids=["silent", "while it is answered"]
)
def test_the_locks_of_a_host_that_died_are_free_before_its_silence_is_too_long(
    tmp_path: Path, asked: str
) -> None:
    server = Postgres()
    try:
        with lan(("alpha",)) as (network, (alpha,)):
            server.let_in(f"{network.network}.0/24")
            server.start()
            db = Database(server.address)
            with db.begin() as session:
                session.execute(text("CREATE TABLE one (id integer)"))
                session.execute(text("INSERT INTO one VALUES (1)"))
            address = server.address_at(network.address, server.port)
            alpha.start((sys.executable, "-c", HOLDING, address, asked), os.environ, str(tmp_path))
            log = tmp_path / "alpha.log"
            eventually(lambda: "holds" in log.read_text(), "the row to be held")
            # The first one's answer is acknowledged by then, the second one's not sent.
            time.sleep(1)
            alpha.die()
            died = time.monotonic()
            db.write(lambda session: session.execute(text("UPDATE one SET id = 2")))
            waited_s = time.monotonic() - died
            db.dispose()
    finally:
        server.close()
    silent = postgres.KEEPALIVE["idle"] + postgres.KEEPALIVE["interval"]
    assert silent - 2 < waited_s < SILENT_S - 10
