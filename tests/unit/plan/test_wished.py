"""What a sidecar says of a source is added to what the file says of itself."""

from __future__ import annotations

from pipeline.plan.source import AudioStream, Source
from pipeline.plan.wished import described


def source(*languages: str | None) -> Source:
    audio = tuple(
        AudioStream(index=number, codec="aac", channels=2, sample_rate=48000, language=language)
        for number, language in enumerate(languages)
    )
    return Source(path="/a.mp4", bytes=1, container="mp4", duration_s=1.0, audio=audio)


def test_only_sounds_that_name_no_language_have_the_one_that_was_said() -> None:
    told = described(source("fra", None), title=None, language="deu", tags=None)
    assert [one.language for one in told.audio] == ["fra", "deu"]


def test_the_title_comes_before_a_tag_of_that_name() -> None:
    told = described(source(), title="A film", language=None, tags={"title": "x", "artist": "A"})
    assert told.tags == {"title": "A film", "artist": "A"}


def test_without_a_sidecar_nothing_is_added() -> None:
    assert described(source(None), title=None, language=None, tags=None) == source(None)
