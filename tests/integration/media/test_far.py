"""A broadcast is looked far into for what begins late, only where something is found so."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from pipeline.media import probe as media_probe
from pipeline.media.errors import MediaError, TransientMediaError
from pipeline.media.probe import probe
from pipeline.media.process import Completed, run
from pipeline.settings.pipeline import Limits
from tests.media import ffmpeg, tools

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(("kept", "sounds", "far"), [("0", 1, False), ("gte(pts*tb,9)", 2, True)])
def test_what_is_found_far_in_is_read_from_there(
    tmp_path: Path, kept: str, sounds: int, far: bool
) -> None:
    path, tone = tmp_path / "a.ts", ("-f", "lavfi", "-i", "sine=d=10")
    ffmpeg(
        *("-f", "lavfi", "-i", "color=s=64x48:d=10", *tone, *tone),
        *("-map", "0:v", "-map", "1:a", "-map", "2:a", "-c:v", "libx264", "-c:a", "aac"),
        *("-bsf:a:1", f"noise=drop='not({kept})'", str(path)),
    )
    source = probe(tools(), path, Limits())
    assert (len(source.audio), source.far) == (sounds, far)
    assert [("can't be decoded" in said) for said in source.left_out] == [True] * (2 - sounds)


def _broadcast(path: Path, *kept: str) -> Path:
    """Write ten seconds of picture, sound, and further sounds of which only that much is `kept`."""
    tone = ("-f", "lavfi", "-i", "sine=d=10")
    sounds = range(1, len(kept) + 2)
    ffmpeg(
        *("-f", "lavfi", "-i", "color=s=64x48:d=10", *tone * len(sounds), "-map", "0:v"),
        *(word for one in sounds for word in ("-map", f"{one}:a")),
        *("-c:v", "libx264", "-c:a", "aac"),
        *(
            word
            for number, one in enumerate(kept, 1)
            for word in (f"-bsf:a:{number}", f"noise=drop='not({one})'")
        ),
        str(path),
    )
    return path


def test_a_late_sound_is_found_beside_one_that_never_comes(tmp_path: Path) -> None:
    source = probe(tools(), _broadcast(tmp_path / "a.ts", "gte(pts*tb,9)", "0"), Limits())
    assert (len(source.audio), source.far) == (2, True)


def test_a_late_sound_is_found_though_another_silent_one_is_announced_by_then(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = _broadcast(tmp_path / "a.ts", "gte(pts*tb,9)")
    ask = media_probe._ask

    def announced(*arguments: Any, far: bool = False) -> dict[str, Any]:
        told = ask(*arguments, far=far)
        if far:
            told["streams"].append({**told["streams"][1], "id": "0x1ff", "index": 3, "channels": 0})
        return told

    monkeypatch.setattr(media_probe, "_ask", announced)
    source = probe(tools(), path, Limits())
    assert (len(source.audio), source.far) == (2, True)


@pytest.mark.parametrize("error", [MediaError, TransientMediaError])
def test_what_was_seen_first_will_do_where_the_look_further_in_fails(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    error: type[MediaError],
) -> None:
    path = _broadcast(tmp_path / "a.ts", "gte(pts*tb,9)")

    def failing(argv: list[str], **options: Any) -> Completed:
        if "-analyzeduration" in argv:
            raise error("timeout", "It took too long.", "Wait.")
        return run(argv, **options)

    monkeypatch.setattr(media_probe, "run", failing)
    with caplog.at_level("INFO", logger=media_probe.__name__):
        source = probe(tools(), path, Limits())
    assert (len(source.audio), source.far) == (1, False)
    assert "It took too long." in caplog.text
