"""`reelworks drain` says that workers are drained only when each of them has said so."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pipeline import app
from pipeline.cli import drain
from pipeline.tasks import draining

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.integration.cli.conftest import Said

    Reelworks = Callable[..., Said]

NODE, OTHER = "encode@here", "package@here"


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, int]]:
    """What the two workers answer, one look after the other; nobody does in the end."""
    said: list[dict[str, int]] = []
    monkeypatch.setattr(drain, "LOOK_S", 0.0)
    monkeypatch.setattr(app, "answering_like", lambda *_: {NODE, OTHER})
    monkeypatch.setattr(draining, "stop_taking", lambda _: None)
    monkeypatch.setattr(draining, "working", lambda _: said.pop(0) if said else {})
    return said


def test_a_worker_that_answers_late_is_waited_for(
    reelworks: Reelworks, answers: list[dict[str, int]]
) -> None:
    answers += [{NODE: 2, OTHER: 0}, {}, {OTHER: 0}, {NODE: 1, OTHER: 0}, {NODE: 0, OTHER: 0}]
    said = reelworks("drain", "--host", "here")
    assert said.status == 0
    assert "drained" in said.out
    assert answers == []


def test_a_worker_that_no_longer_answers_is_not_said_to_be_drained(
    reelworks: Reelworks, answers: list[dict[str, int]]
) -> None:
    answers += [{NODE: 1, OTHER: 0}] + 10 * [{OTHER: 0}]
    said = reelworks("drain", "--host", "here")
    assert said.status == 3
    assert f"{NODE} no longer answers" in said.err
    assert "drained" not in said.out
