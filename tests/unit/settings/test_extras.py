"""`poster` and `extras` of profiles.yml: what is understood, and how a mistake is told."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pipeline.settings.extras import PosterSettings
from pipeline.settings.profiles import Profile

if TYPE_CHECKING:
    from tests.unit.settings.conftest import Configuration


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("auto", "auto"),
        ("12", "12s"),
        ("12s", "12s"),
        ("1m30s", "1m30s"),
        ("0", "0s"),
        ("25%", "25%"),
        ("12.50 %", "12.5%"),
        ("100%", "100%"),
    ],
)
def test_a_poster_is_placed_by_itself_by_time_or_by_share(
    config: Configuration, written: str, read: str
) -> None:
    config.write("profiles.yml", f"web:\n  poster: {{at: {written}}}\n")
    at = config.load().profile("web").poster.at
    assert at == read
    # A stored plan is read again as it was meant.
    assert PosterSettings(at=at).at == at


@pytest.mark.parametrize("written", ["soon", "101%", "-3s", "25 percent", "true", "[1]"])
def test_a_place_that_is_none_is_told_with_what_is_right(
    config: Configuration, written: str
) -> None:
    config.write("profiles.yml", f"web:\n  poster:\n    at: {written}\n")
    mistake = config.mistake()
    assert (mistake.key, mistake.line) == ("web.poster.at", 3)
    assert "25%" in mistake.hint


def test_sizes_are_sorted_and_everything_is_named_once(config: Configuration) -> None:
    config.write(
        "profiles.yml",
        "web:\n  poster: {sizes: [320, 640, 320], formats: [webp, webp]}\n"
        "  extras: [waveform, preview, waveform]\n",
    )
    profile = config.load().profile("web")
    assert profile.poster.sizes == (640, 320)
    assert profile.poster.formats == ("webp",)
    assert profile.extras == ("waveform", "preview")


def test_the_storyboard_is_made_unless_told_otherwise(config: Configuration) -> None:
    assert Profile().extras == ("storyboard",)
    config.write("profiles.yml", "web:\n  extras: []\n")
    assert config.load().profile("web").extras == ()


@pytest.mark.parametrize(
    ("text", "key", "hint"),
    [
        ("extras: [storybord]", "web.extras[0]", "storyboard"),
        ("poster: {formats: [jpg]}", "web.poster.formats[0]", "jpeg"),
        ("poster: {sizes: [1281]}", "web.poster.sizes[0]", ""),
        ("poster: {sizes: [4000]}", "web.poster.sizes[0]", ""),
        ("poster: {size: [320]}", "web.poster.size", "sizes"),
    ],
)
def test_a_mistake_is_told_with_its_place(
    config: Configuration, text: str, key: str, hint: str
) -> None:
    config.write("profiles.yml", f"web:\n  {text}\n")
    mistake = config.mistake()
    assert (mistake.key, mistake.line) == (key, 2)
    assert hint in mistake.hint
