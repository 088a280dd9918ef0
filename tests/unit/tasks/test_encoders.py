"""A worker's processes share its encoders, and the next step is taken when one is about to end."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from types import SimpleNamespace
from typing import Any

import pytest
from celery.worker import state

from pipeline import overlapping
from pipeline.app import app
from pipeline.overlapping import Overlapping
from pipeline.tasks import encoders, turns
from pipeline.tasks.encoders import Encoders
from pipeline.tasks.step import GivenBack

_fork = multiprocessing.get_context("fork")


class TooLong(Exception):
    """Nobody gave the encoder back."""


def patience(looks: int) -> Callable[[], None]:
    left = iter(range(looks))

    def look() -> None:
        if next(left, None) is None:
            raise TooLong

    return look


def _hold(ours: Encoders, said: Connection) -> None:
    with ours.turn(patience(0), short=False):
        said.send("mine")
        said.recv()


@contextmanager
def another_has_one(ours: Encoders) -> Iterator[tuple[Any, Connection]]:
    """Let another process have an encoder; gives the process, and what ends its turn when told."""
    here, there = _fork.Pipe()
    process = _fork.Process(target=_hold, args=(ours, there))
    process.start()
    assert here.recv() == "mine"
    yield process, here
    process.kill()
    process.join()


def test_who_finds_no_encoder_free_waits_until_one_is() -> None:
    ours = Encoders(1)
    with another_has_one(ours) as (process, told):
        with pytest.raises(TooLong), ours.turn(patience(3), short=False):
            pass
        told.send("enough")
        process.join()
        with ours.turn(patience(0), short=False):
            pass


def test_an_encoder_whose_process_was_killed_is_free() -> None:
    ours = Encoders(1)
    with another_has_one(ours) as (process, _):
        process.kill()
        process.join()
        with ours.turn(patience(0), short=False):
            pass


def test_as_many_encoders_run_as_the_worker_has() -> None:
    ours = Encoders(2)
    with another_has_one(ours), ours.turn(patience(0), short=False):
        pass
    with (
        another_has_one(ours),
        another_has_one(ours),
        pytest.raises(TooLong),
        ours.turn(patience(3), short=False),
    ):
        pass


def test_another_step_is_taken_when_the_encoder_has_ended() -> None:
    ours = Encoders(1)
    assert (ours.most_taken, ours.processes) == (1, 2)
    with ours.step():
        with ours.turn(patience(0), short=False):
            assert ours.most_taken == 1
        assert ours.most_taken == 2
    assert ours.most_taken == 1


def test_another_step_is_taken_while_a_short_encode_runs() -> None:
    ours = Encoders(1)
    with ours.step(), ours.turn(patience(0), short=True):
        assert ours.most_taken == 2


def test_a_step_that_fails_lets_the_worker_take_no_more_than_before() -> None:
    ours = Encoders(1)
    with pytest.raises(ValueError, match="broken"), ours.step(), ours.turn(patience(0), short=True):
        raise ValueError("broken")
    assert ours.most_taken == 1


def test_the_bell_rings_until_it_is_answered() -> None:
    ours = Encoders(1)
    with ours.turn(patience(0), short=True):
        ours.answer()
    ours.answer()
    ours.answer()  # silent, and nobody waits for it


@pytest.fixture
def sharing(monkeypatch: pytest.MonkeyPatch) -> Encoders:
    monkeypatch.setattr(encoders, "_shared", [])
    monkeypatch.setattr(app, "steps", {"consumer": set()})
    ours = overlapping.overlap(1)
    assert encoders.shared() is ours
    assert app.steps["consumer"] == {Overlapping}
    return ours


def test_the_worker_takes_from_the_broker_what_its_encoders_allow(
    sharing: Encoders, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = SimpleNamespace(can_consume=lambda: True)
    consumer: Any = SimpleNamespace(
        task_consumer=SimpleNamespace(channel=SimpleNamespace(qos=held))
    )
    step = Overlapping(consumer)
    step.start(consumer)
    assert held.can_consume()
    monkeypatch.setattr(state, "reserved_requests", {"one"})
    assert not held.can_consume()
    with sharing.turn(patience(0), short=True):
        assert held.can_consume()
        monkeypatch.setattr(state, "reserved_requests", {"one", "other"})
        assert not held.can_consume()


def test_the_worker_hears_the_bell(sharing: Encoders) -> None:
    heard: dict[int, Callable[[], None]] = {}
    step = Overlapping(SimpleNamespace())
    step.register_with_event_loop(None, SimpleNamespace(add_reader=heard.__setitem__))
    assert heard == {sharing.bell: sharing.answer}


def test_a_process_in_place_of_a_killed_one_begins_with_nothing(sharing: Encoders) -> None:
    sharing._say(leaving=True)
    overlapping._nothing_taken()
    assert sharing.most_taken == 1


def working(
    beats: list[tuple[float, bool]],
    *,
    late: bool = False,
    after: Callable[[], object] = lambda: None,
) -> Any:
    """Give a step's work that notes its beats; `after` each of them something is done."""

    def beat(share: float, *, idle: bool = False) -> None:
        beats.append((share, idle))
        after()

    return SimpleNamespace(beat=beat, late=late, planned=None)


@pytest.mark.parametrize(("late", "patience_s"), [(False, 0.02), (True, 60.0)])
def test_who_gets_no_encoder_for_long_or_is_late_is_given_back(
    sharing: Encoders, monkeypatch: pytest.MonkeyPatch, *, late: bool, patience_s: float
) -> None:
    monkeypatch.setattr(turns, "PATIENCE_S", patience_s)
    monkeypatch.setattr(turns, "is_short", lambda _plan, _unit: False)
    beats: list[tuple[float, bool]] = []
    work = working(beats, late=late)
    unit: Any = None
    with (
        another_has_one(sharing),
        pytest.raises(GivenBack, match="busy"),
        turns.encoding(work, unit),
    ):
        pass
    assert set(beats) == {(0.0, True)}, "it holds its lease until then, and has tried nothing"


def test_who_gets_its_encoder_tries_from_then_on(
    sharing: Encoders, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turns, "is_short", lambda _plan, _unit: False)
    beats: list[tuple[float, bool]] = []
    unit: Any = None
    with another_has_one(sharing) as (_, told):
        work = working(beats, after=lambda: told.send("enough"))
        with turns.encoding(work, unit):
            assert beats[0] == (0.0, True)
            assert beats[-1] == (0.0, False)


def test_a_pool_that_grew_has_room(sharing: Encoders, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encoders, "current_process", lambda: SimpleNamespace(index=7))
    with sharing.step(), sharing.turn(patience(0), short=True):
        assert sharing.most_taken == sharing.processes
