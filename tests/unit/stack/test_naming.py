"""Workers of one machine have names of their own, and the same ones again."""

from __future__ import annotations

import logging
import multiprocessing
import os
from typing import TYPE_CHECKING

import pytest

from pipeline.stack import naming
from pipeline.stack.naming import own_node
from pipeline.stack.roles import node

if TYPE_CHECKING:
    from multiprocessing.connection import Connection
    from multiprocessing.context import SpawnProcess
    from pathlib import Path

#: As a worker is started: nothing of ours is there.
_spawn = multiprocessing.get_context("spawn")


def _work(state: Path, role: str, said: Connection) -> None:
    said.send(own_node(state, role))
    if not os.fork():
        said.recv()  # one of its pool, which outlives it
    said.recv()


class Beside:
    """Workers that run beside each other until they are killed."""

    def __init__(self, state: Path) -> None:
        self._state = state
        self._all: dict[str, tuple[SpawnProcess, Connection]] = {}

    def start(self, role: str = "encode") -> str:
        here, there = _spawn.Pipe()
        worker = _spawn.Process(target=_work, args=(self._state, role, there))
        worker.start()
        there.close()
        name = str(here.recv())
        self._all[name] = worker, here
        return name

    def kill(self, name: str) -> Connection:
        worker, here = self._all.pop(name)
        worker.kill()
        worker.join()
        return here

    def end(self) -> None:
        for name in list(self._all):
            self.kill(name).close()


def test_workers_beside_each_other_have_names_of_their_own_and_get_them_back(
    tmp_path: Path,
) -> None:
    state = tmp_path / "state"
    beside = Beside(state)
    names = [node("encode"), node("encode", 2), node("encode", 3)]
    try:
        assert [beside.start() for _ in names] == names
        assert beside.start("package") == node("package")
        left = beside.kill(names[1])  # what it had forked lives on for a moment
        assert beside.start() == names[1]
        left.close()
        assert own_node(state, "encode") == node("encode", 4)
        assert own_node(state, "encode") == node("encode", 4), "it is ours already"
    finally:
        beside.end()
    assert (state / naming.FILE).stat().st_size == 0


def test_workers_of_another_system_are_named_apart_from_ours(tmp_path: Path) -> None:
    beside = Beside(tmp_path / "other")
    try:
        assert beside.start() == node("encode")
        assert own_node(tmp_path / "ours", "encode") == node("encode")
    finally:
        beside.end()


def test_where_nothing_can_be_locked_the_first_name_is_taken(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "state").write_text("a file")
    with caplog.at_level(logging.WARNING):
        assert own_node(tmp_path / "state", "encode") == node("encode")
    assert "can't be told apart" in caplog.text
