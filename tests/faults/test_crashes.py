"""What a fault run takes for a crash in the logs of parts, and what it does not."""

from __future__ import annotations

from tests.faults.crashes import told

TRACE = """Traceback (most recent call last):
  File "/x/worker.py", line 203, in start
    self.blueprint.start(self)
io.UnsupportedOperation: fileno
"""
READY = "[2026-01-01 10:00:00,000: INFO/MainProcess] encode@host ready.\n"
STOPS = "worker: Hitting Ctrl+C again will terminate all running tasks!\n"


def test_what_faults_do_is_no_crash() -> None:
    up = (
        "worker-encode was ended by SIGKILL; started again in 0.5 s\n"
        "web ended with status 0; started again in 0.5 s\n"
        "beat ended with status 3; started again in 1 s\n"
        "stopping worker-encode\n"
    )
    assert told(up) == []
    lost = f"[2026-01-01: WARNING/MainProcess] consumer: Connection to broker lost.\n{TRACE}"
    assert told(READY + lost + STOPS + "worker: Cold shutdown (MainProcess)\n" + READY + lost) == []


def test_a_part_that_ends_by_itself_crashed() -> None:
    assert told("web ended with status 1; started again in 0.5 s\n    KeyError\n") == [
        "web ended with 1"
    ]
    assert told("worker-encode was ended by SIGSEGV; started again in 2 s\n") == [
        "worker-encode ended with SIGSEGV"
    ]
    stopped = "worker-control ended with status 1 instead of stopping\n"
    assert told(stopped) == ["worker-control ended with 1"]


def test_a_worker_that_breaks_over_its_stop_crashed() -> None:
    critical = "[2026-01-01: CRITICAL/MainProcess] Unrecoverable error: UnsupportedOperation()\n"
    assert told(READY + critical + TRACE) == [critical.strip()]
    assert told(READY + STOPS + TRACE) == ["as it stopped: io.UnsupportedOperation: fileno"]
    hung = "Timeout (0:00:30)!\nThread 0x00007f (most recent call first):\n"
    assert told(READY + STOPS + hung) == ["Timeout (0:00:30)!"]
