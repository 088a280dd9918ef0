"""Beat that is told to stop ends, and ends well, whatever it was doing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from django.db import connections

from pipeline.scheduler.stopping import Stopping
from tests.integration.scheduler.beats import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.integration.scheduler.beats import Beats

EVERY_SECOND = "tick: {task: clean, every: 1s}\n"
#: Beat, told to stop inside a question to the database: its connection's lock, which no thread
#: can take twice, is held then.
ASKED_INSIDE_A_QUESTION = """
import os, signal, threading
from pipeline.scheduler import alone, run_beat
from pipeline.settings.load import load_settings

lock = threading.Lock()

def ask(right):
    with lock:
        os.kill(os.getpid(), signal.SIGTERM)

def give_back(right, former=alone.FileRight.give_back):
    with lock:
        print("given back")

for kind in (alone.FileRight, alone.ServerRight):
    kind.check, kind.give_back = ask, give_back
run_beat(load_settings(os.environ["REELWORKS_CONFIG"]))
"""


def test_beat_told_to_stop_while_it_asks_the_database_does_not_wait_for_itself(
    beats: Beats,
) -> None:
    beats.schedule(EVERY_SECOND)
    beat = beats.start("-c", ASKED_INSIDE_A_QUESTION)
    assert beat.ends() == 0
    assert "given back" in beat.said()


def test_what_is_being_done_is_done_before_beat_ends() -> None:
    stopping = Stopping()
    done: list[str] = []

    def outer() -> None:
        with stopping.acting():
            stopping.ordered = True
            with stopping.acting():
                done.append("inner")
            done.append("outer")

    with pytest.raises(SystemExit):
        outer()
    assert done == ["inner", "outer"]


def test_an_order_to_stop_that_was_swallowed_is_obeyed_at_the_next_look() -> None:
    stopping = Stopping()
    stopping.ordered = True
    with pytest.raises(SystemExit):
        stopping.acting().__enter__()


def test_beat_ends_while_a_broker_does_not_answer_and_the_run_is_still_owed(
    beats: Beats, broker_socket: Path
) -> None:
    beats.schedule("tick: {task: clean, every: 3s}\n")
    with _relayed(beats, broker_socket) as relay:
        beat = beats.start()
        beats.sends("yaml:tick")
        os.kill(relay.pid, signal.SIGSTOP)
        said = beat.said().count("sending yaml:tick")
        eventually(lambda: beat.said().count("sending yaml:tick") > said, "another to be sent")
        time.sleep(0.5)
        began = time.monotonic()
        assert beat.stop() == 0
        assert time.monotonic() - began < 15
    assert _count("yaml:tick") == said


@contextmanager
def _relayed(beats: Beats, broker: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Lead this system to its broker by a process that can be stopped."""
    place = broker.with_name("relay")
    place.unlink(missing_ok=True)
    relay = subprocess.Popen([sys.executable, "-m", "tests.relay", str(place), str(broker)])
    try:
        eventually(place.exists, "the relay")
        beats.environ["REELWORKS_BROKER"] = f"redis+socket://{place}?virtual_host=0"
        yield relay
    finally:
        relay.kill()
        relay.wait()


def _count(name: str) -> int:
    from django_celery_beat.models import PeriodicTask

    connections.close_all()
    return int(PeriodicTask.objects.get(name=name).total_run_count)


def test_beat_waits_for_a_broker_that_was_never_there_and_ends_when_told(beats: Beats) -> None:
    beats.schedule("tick: {task: clean, every: 1s}\n")
    beats.environ["REELWORKS_BROKER"] = "amqp://127.0.0.1:1//"
    beat = beats.start()
    beat.says("does not answer, and is waited for")
    assert beat.stop() == 0
    assert _count("yaml:tick") == 0
