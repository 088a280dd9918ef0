"""A run of ffmpeg that waits for itself is begun anew, and not for ever."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from pipeline.media import anew
from pipeline.media.errors import TransientMediaError
from pipeline.media.fence import Fence
from pipeline.media.process import Completed, Progress

if TYPE_CHECKING:
    from collections.abc import Callable

ENDED = Completed(0, "", Progress())


def failing(*codes: str) -> tuple[Callable[..., Completed], list[dict[str, Any]]]:
    """A `run` that fails so one time after the other, and then ends well; and what it was told."""
    left, told = list(codes), list[dict[str, Any]]()

    def run(_argv: object, **wishes: Any) -> Completed:
        told.append(wishes)
        if left:
            raise TransientMediaError(left.pop(0), "It failed.", "")
        return ENDED

    return run, told


def run_anew(timeout_s: float | None = None) -> Completed:
    return anew.run_anew(["ffmpeg"], fence=Fence(), timeout_s=timeout_s, on_tick=None)


def test_what_waits_for_itself_is_begun_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    run, told = failing(*["deadlocked"] * anew.TIMES)
    monkeypatch.setattr(anew, "run", run)
    assert run_anew(60.0) is ENDED
    assert len(told) == anew.TIMES + 1
    assert all(0 < wishes["timeout_s"] <= 60 for wishes in told)


def test_what_waits_for_itself_every_time_fails_as_it_does(monkeypatch: pytest.MonkeyPatch) -> None:
    run, told = failing(*["deadlocked"] * (anew.TIMES + 1))
    monkeypatch.setattr(anew, "run", run)
    with pytest.raises(TransientMediaError, match="failed"):
        run_anew()
    assert len(told) == anew.TIMES + 1


@pytest.mark.parametrize("code", ["no_space", "stalled"])
def test_what_fails_otherwise_is_not_begun_anew(monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    run, told = failing(code)
    monkeypatch.setattr(anew, "run", run)
    with pytest.raises(TransientMediaError):
        run_anew()
    assert len(told) == 1
