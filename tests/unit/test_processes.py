"""A worker of processes that is stopped while it looks for a message ends, and does not crash."""

from __future__ import annotations

from types import SimpleNamespace

from pipeline.processes import Processes


def test_a_pool_that_is_stopped_has_no_process_to_take_a_message_for() -> None:
    pool = Processes(2)
    pool._pool = SimpleNamespace(_processes=2, terminate=lambda: None)
    assert pool.num_processes == 2
    pool.on_terminate()
    assert pool.num_processes == 0
