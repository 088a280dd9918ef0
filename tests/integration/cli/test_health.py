"""`reelworks health`: a part that does not answer is told of by the status."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from pipeline.stack import presence
from pipeline.stack.roles import node

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.integration.cli.conftest import Said

    Reelworks = Callable[..., Said]


@pytest.mark.parametrize("part", ["encode", "web", "flower", "watch", "beat"])
def test_a_part_that_does_not_run_does_not_answer(reelworks: Reelworks, part: str) -> None:
    said = reelworks("health", part)
    assert said.status == 3
    assert f"The part {part} does not answer" in said.err
    assert f"{part}` starts it" in said.err


def test_a_part_that_answers_is_well(reelworks: Reelworks, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[Any, Any]] = []

    def answers(*question: Any, **_: Any) -> bool:
        asked.append((question[0], question[1]))
        return True

    monkeypatch.setattr(presence, "page_answers", answers)
    monkeypatch.setattr("pipeline.app.answering_like", answers)
    assert reelworks("health", "web").status == 0
    assert reelworks("health", "encode").status == 0
    (_, path), (pattern, _) = asked
    assert path == "/healthz"
    assert re.match(pattern, node("encode"))


def test_a_part_that_is_none_is_named(reelworks: Reelworks) -> None:
    assert reelworks("health", "all").status == 2
