"""A tool that works in silence is told from one that hangs, by what it writes and computes."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pipeline.media import life
from pipeline.media.errors import TransientMediaError
from pipeline.media.fence import Fence
from pipeline.media.life import (
    BUSY_STALL_S,
    DEADLOCK_S,
    LIFE_CPU_S,
    STALL_S,
    Life,
    cpu_seconds,
    waits_for_itself,
)
from pipeline.media.process import run

if TYPE_CHECKING:
    from collections.abc import Iterator

LATER = STALL_S + 1
#: Two threads, each of which waits for what the other never gives; one says how far it is.
TANGLED = """
from threading import Lock, Thread
one, other = Lock(), Lock()
one.acquire(), other.acquire()
Thread(target=one.acquire).start()
while not other.acquire(timeout=0.3):
    print("total_size=100", flush=True)
"""


@pytest.fixture
def idle() -> Iterator[int]:
    """Give a process that does nothing."""
    with subprocess.Popen(["sleep", "600"]) as process:
        yield process.pid
        process.kill()


def test_what_says_nothing_writes_nothing_and_computes_nothing_hangs(
    idle: int, tmp_path: Path
) -> None:
    life = Life(idle, [tmp_path], 0.0)
    assert not life.gone(STALL_S, STALL_S)
    assert life.gone(LATER, STALL_S)


def test_a_folder_that_is_filled_is_a_sign_of_life(idle: int, tmp_path: Path) -> None:
    life = Life(idle, [tmp_path], 0.0)
    for number in range(1, 20):
        (tmp_path / "stream").mkdir(exist_ok=True)
        (tmp_path / "stream" / f"{number}.m4s").write_bytes(b"segment")
        assert not life.gone(number * LATER, STALL_S)
    assert life.gone(20 * LATER, STALL_S)


def test_a_file_that_is_rewritten_in_place_is_a_sign_of_life(idle: int, tmp_path: Path) -> None:
    """As ffmpeg does it that brings the index of an MP4 to the front: no byte is added."""
    file = tmp_path / "720p.mp4"
    file.write_bytes(b"media")
    life = Life(idle, [file, tmp_path / "not there yet"], 0.0)
    for number in range(1, 4):
        os.utime(file, ns=(number, number))
        assert not life.gone(number * LATER, STALL_S)
    assert life.gone(4 * LATER, STALL_S)


def test_computing_counts_for_an_hour_and_writing_for_ever(tmp_path: Path) -> None:
    began = cpu_seconds(os.getpid())
    while cpu_seconds(os.getpid()) < began + 2 * LIFE_CPU_S:
        time.monotonic()
    assert not Life(os.getpid(), [], 0.0).gone(LATER, STALL_S)
    assert Life(os.getpid(), [], 0.0).gone(BUSY_STALL_S + 1, STALL_S)
    (tmp_path / "1.m4s").write_bytes(b"segment")
    assert not Life(os.getpid(), [tmp_path], 0.0).gone(BUSY_STALL_S + 1, STALL_S)


def test_a_tool_that_hangs_is_stopped_and_may_be_tried_again(tmp_path: Path) -> None:
    with pytest.raises(TransientMediaError) as caught:
        run(["sh", "-c", "exec sleep 600"], fence=Fence(writes=(tmp_path,)), stall_s=0.5)
    assert caught.value.code == "stalled"


def test_a_tool_that_waits_for_itself_is_stopped_soon_though_it_says_how_far_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(life, "DEADLOCK_S", 1.0)
    fence = Fence(reads=(Path(sys.prefix), Path(sys.base_prefix)), writes=(tmp_path,))
    with pytest.raises(TransientMediaError) as caught:
        run([sys.executable, "-c", TANGLED], fence=fence, timeout_s=60)
    assert caught.value.code == "deadlocked"


def test_what_waits_for_time_or_for_data_does_not_wait_for_itself(idle: int) -> None:
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as reading:
        time.sleep(0.2)
        assert not waits_for_itself(reading.pid)
        assert not waits_for_itself(idle)
        found = Life(reading.pid, [], 0.0)
        assert not found.deadlocked(DEADLOCK_S + 1)


def test_who_goes_on_after_a_while_did_not_wait_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(life, "waits_for_itself", lambda _pid: True)
    found = Life(0, [], 0.0)
    assert not found.deadlocked(DEADLOCK_S)
    found.moved(DEADLOCK_S)
    assert not found.deadlocked(DEADLOCK_S + 1)
    assert found.deadlocked(2 * DEADLOCK_S + 1)
