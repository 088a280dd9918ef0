"""What a fault run takes for a crash in the logs of parts, and what it does not."""

from __future__ import annotations

from tests.faults.crashes import told

TRACE = """Traceback (most recent call last):
  File "/x/worker.py", line 203, in start
    self.blueprint.start(self)
io.UnsupportedOperation: fileno
"""
RESET = TRACE.replace(
    "io.UnsupportedOperation: fileno", "ConnectionResetError: [Errno 104] Connection reset by peer"
)
AT = "[2026-01-01 10:00:00,000"
READY = f"{AT}: INFO/MainProcess] encode@host ready.\n"
STOPS = "worker: Hitting Ctrl+C again will terminate all running tasks!\n"


def test_what_faults_do_is_no_crash() -> None:
    up = (
        "worker-encode was ended by SIGKILL; started again in 0.5 s\n"
        "web ended with status 0; started again in 0.5 s\n"
        "beat ended with status 3; started again in 1 s\n"
        "stopping worker-encode\n"
    )
    assert told(up) == []
    lost = f"{AT}: WARNING/MainProcess] consumer: Connection to broker lost.\n{RESET}"
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
    critical = f"{AT}: CRITICAL/MainProcess] Unrecoverable error: UnsupportedOperation()\n"
    assert told(READY + critical + TRACE) == [critical.strip()]
    assert told(READY + STOPS + TRACE) == ["as it stopped: io.UnsupportedOperation: fileno"]
    hung = "Timeout (0:00:30)!\nThread 0x00007f (most recent call first):\n"
    assert told(READY + STOPS + hung) == ["Timeout (0:00:30)!"]


def test_a_question_that_came_too_late_is_no_crash() -> None:
    asked = f"{AT}: ERROR/MainProcess] pidbox command error: \"no attribute '_pool'\"\n"
    context = f"{asked}{TRACE}\nDuring handling of the above exception, another one:\n\n{TRACE}"
    assert told(READY + STOPS + context) == []
    after = f"{AT}: ERROR/MainProcess] Timer error\n{TRACE}"
    assert told(READY + STOPS + context + after) == [
        "as it stopped: io.UnsupportedOperation: fileno"
    ]


def test_a_part_that_breaks_as_it_works_crashed() -> None:
    broke = f"{AT}: ERROR/ForkPoolWorker-1] Task pipeline.probe[1] raised unexpected:\n{TRACE}"
    assert told(READY + broke + READY) == ["as it worked: io.UnsupportedOperation: fileno"]
    # What it had lost first is no excuse for what broke over that.
    over = f"{AT}: ERROR/MainProcess] lost\n{RESET}\nDuring handling of the above:\n\n{TRACE}"
    assert told(READY + over) == ["as it worked: io.UnsupportedOperation: fileno"]
    plain = broke.replace(AT + ":", "2026-01-01 10:00:00,000")
    assert told(plain) == ["as it worked: io.UnsupportedOperation: fileno"]


def test_a_thread_that_dies_crashed_whatever_it_lost() -> None:
    died = f"Exception in thread beat of settling:\n{RESET}"
    assert told(READY + died) == ["Exception in thread beat of settling:"]


def test_what_a_server_or_a_disk_does_is_no_crash_of_who_works() -> None:
    full = TRACE.replace("io.UnsupportedOperation: fileno", "OSError: [Errno 28] {}")
    full = full.format("No space left on device")
    for trace in (RESET, full):
        assert told(f"{READY}{AT}: ERROR/MainProcess] could not\n{trace}") == []
    other = full.replace("28", "13").replace("No space left on device", "Permission denied")
    assert told(f"{READY}{AT}: ERROR/MainProcess] could not\n{other}") == [
        "as it worked: OSError: [Errno 13] Permission denied"
    ]
