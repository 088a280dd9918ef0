"""A file that asks for too much is refused in words, in little time and memory."""

from __future__ import annotations

import resource
import time
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from pipeline.errors import ReelworksError
from pipeline.media import thumbnail
from pipeline.media.encode import encode_unit
from pipeline.media.errors import NO_MEMORY
from pipeline.media.probe import probe
from pipeline.media.process import Completed, Progress
from pipeline.media.refusals import refuse_frames
from pipeline.media.thumbnail import make_poster
from pipeline.plan.plan import make_plan
from pipeline.settings.pipeline import Limits
from pipeline.settings.profiles import Profile
from tests.hostile import bombs
from tests.media import make_clip, tools

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

#: Each is known for what it is in less than this, seconds, on a machine with other work to do.
SOON_S = 120
#: No tool may take as much, bytes.
MOST_MEMORY = 5 << 30
#: How each is refused; None: what is in it besides is used, and the rest left alone.
BOMBS = (
    (bombs.huge_still, "too_large"),
    (bombs.huge_animation, "too_large"),
    (bombs.huge_gif, "too_large"),
    (bombs.huge_track, None),
    (bombs.long_by_its_header, None),
    (bombs.long_by_its_frames, "too_long"),
    (bombs.long_matroska, "truncated"),
    (bombs.many_tracks, "too_large"),
    (bombs.many_traks, "too_large"),
    (bombs.talkative, "output_too_long"),
    (bombs.packed_tracks, "no_poster"),
    (bombs.cover_of_pixels, None),
    (bombs.cover_of_words, None),
    (bombs.grows, None),
)


@pytest.mark.parametrize(("make", "code"), BOMBS, ids=lambda one: getattr(one, "__name__", one))
def test_a_bomb_goes_off_outside(
    make: Callable[[Path], Path], code: str | None, tmp_path: Path
) -> None:
    source, out = make(tmp_path), tmp_path / "poster.jpg"
    began, before = time.monotonic(), sorted(tmp_path.iterdir())
    met = None
    try:
        make_poster(tools(), probe(tools(), source, Limits()), out, timeout_s=SOON_S)
    except ReelworksError as error:
        met = error
    assert time.monotonic() - began < SOON_S
    assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024 < MOST_MEMORY
    assert (met.code if met else None) == code, met
    if met is None:
        assert out.stat().st_size
    else:
        assert source.name in met.message or "this file" in met.message
        assert met.hint
        assert sorted(tmp_path.iterdir()) == before


def test_all_tries_at_a_poster_together_have_a_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[float] = []

    def slow(*_: object, timeout_s: float, **__: object) -> Completed:
        given.append(timeout_s)
        time.sleep(0.02)
        return Completed(1, "", Progress())

    source = make_clip(tmp_path / "film.mp4", seconds=0.5)
    found = probe(tools(), source, Limits())
    monkeypatch.setattr(thumbnail, "LONGEST_S", 0.15)
    monkeypatch.setattr(thumbnail, "run", slow)
    with pytest.raises(ReelworksError, match=r"can't have a poster"):
        make_poster(tools(), found, tmp_path / "poster.jpg", timeout_s=1000)
    assert given[0] <= 0.15
    assert given == sorted(given, reverse=True)
    assert given[-1] == thumbnail.LEAST_S


def test_more_frames_than_a_film_can_need_are_refused(tmp_path: Path) -> None:
    limits = Limits(max_duration=timedelta(seconds=10))
    refuse_frames(tmp_path / "film.mp4", 1200, limits)
    with pytest.raises(ReelworksError, match=r"film.mp4 has 1201 frames, more than") as caught:
        refuse_frames(tmp_path / "film.mp4", 1201, limits)
    assert caught.value.code == "too_large"
    assert "limits.max_duration" in caught.value.hint


def test_a_film_with_more_streams_than_the_limit_is_refused_at_the_limit(tmp_path: Path) -> None:
    source = bombs.huge_track(tmp_path)
    assert probe(tools(), source, Limits(max_streams=2)).video
    with pytest.raises(ReelworksError, match=r"has 2 streams, more than is allowed") as caught:
        probe(tools(), source, Limits(max_streams=1))
    assert "limits.max_streams" in caught.value.hint


@pytest.mark.parametrize("where", ["probe", "thumbnail", "encode"])
def test_a_source_that_needs_more_memory_than_a_tool_gets_is_refused(
    where: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = make_clip(tmp_path / "film.mp4", seconds=0.5)
    found = probe(tools(), source, Limits())
    plan = make_plan(found, Profile())
    outputs = dict.fromkeys(plan.units[0].steps, tmp_path / "out.mp4")
    starved = Completed(244, f"[dec:h264] {NO_MEMORY}\n", Progress())
    running = "encode.run_anew" if where == "encode" else f"{where}.run"
    monkeypatch.setattr(f"pipeline.media.{running}", lambda *_, **__: starved)
    acts: dict[str, Callable[[], object]] = {
        "probe": lambda: probe(tools(), source, Limits()),
        "thumbnail": lambda: make_poster(tools(), found, tmp_path / "poster.jpg"),
        "encode": lambda: encode_unit(tools(), plan, plan.units[0], outputs),
    }
    with pytest.raises(ReelworksError, match=r"film.mp4 needs more than the \d") as caught:
        acts[where]()
    assert (caught.value.code, caught.value.transient) == ("too_large", False)
    assert "limits.max_memory" in caught.value.hint
