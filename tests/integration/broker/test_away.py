"""A database that is away loses nothing of what its workers had taken from the broker."""

from __future__ import annotations

import os
from contextlib import closing
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import make_url

from pipeline.app import app, queue_depth
from pipeline.history import schedule_runs
from pipeline.history.schedule_runs import Looking
from pipeline.tasks.timed import DUE_AT, ROW
from tests.faults.proxy import Mode, Proxy
from tests.integration.broker.processes import worker
from tests.integration.broker.test_broker import broker
from tests.system import eventually, purge

if TYPE_CHECKING:
    from pipeline.app import Runtime

__all__ = ["broker"]
pytestmark = pytest.mark.service


@pytest.mark.skipif(
    not os.environ.get("REELWORKS_DATABASE", "").startswith("postgresql"),
    reason="needs a database that can be away (REELWORKS_DATABASE=postgresql)",
)
def test_a_run_that_could_not_begin_before_its_worker_was_stopped_is_done_by_the_next(
    ready: Runtime, broker: str, database_address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    purge(broker)
    address, log = make_url(database_address), ready.settings.root / "worker.log"
    headers = {ROW: "yaml:nightly", DUE_AT: datetime.now(UTC).isoformat()}

    def outcome() -> str | None:
        with ready.db.read() as session:
            found = schedule_runs.result(session, "yaml:nightly", Looking(lambda _: False))
        return found.outcome if found else None

    with closing(Proxy(address.port or 5432)) as proxy:
        led = address.set(host=proxy.host, port=proxy.port)
        monkeypatch.setenv("REELWORKS_DATABASE", led.render_as_string(hide_password=False))
        with worker(ready, "notify"):
            eventually(lambda: " ready." in log.read_text(), "the worker")
            proxy.turn(Mode.CUT)
            app.send_task("pipeline.digest", queue="notify", headers=headers, ignore_result=True)
            eventually(lambda: "its beginning is written down later" in log.read_text(), "the run")
        assert queue_depth("notify") == 1, log.read_text()
        proxy.turn(Mode.PASS)
        with worker(ready, "notify"):
            assert eventually(outcome, "the run to begin again") in ("running", "done")
