from __future__ import annotations

from typing import Any

import pytest

from pipeline.plan.renditions import sounds, texts, videos
from pipeline.settings.profiles import AudioSettings, Profile, VideoSettings
from tests.unit.plan.sources import record, sound, source, words


def names(*made: Any) -> list[str]:
    return [one.name for one in made]


def test_every_rung_comes_in_every_codec_the_first_without_a_mark() -> None:
    wanted = VideoSettings(codec=("h264", "av1"), ladder=(240, 144))
    made = videos(source(640, 360), wanted)
    assert names(*made) == ["240p", "144p", "240p-av1", "144p-av1"]
    assert [one.crf for one in made] == [23, 23, 32, 32]


def test_what_is_too_small_for_a_codec_comes_in_the_others() -> None:
    both = VideoSettings(codec=("h264", "hevc"))
    assert names(*videos(source(12, 12), both)) == ["12p"]
    alone = videos(source(12, 12), VideoSettings(codec=("hevc",)))
    assert [(one.name, one.codec) for one in alone] == [("12p", "h264")]


@pytest.mark.parametrize(
    ("transfer", "count"), [("smpte2084", 1), ("arib-std-b67", 1), ("bt709", 0)]
)
def test_hdr_is_kept_of_hdr_sources_in_the_first_codec_that_can(transfer: str, count: int) -> None:
    wanted = VideoSettings(codec=("h264", "vp9", "av1"), ladder=(240,), hdr=True)
    made = [one for one in videos(source(640, 360, color_transfer=transfer), wanted) if one.hdr]
    assert [(one.name, one.codec) for one in made] == [("240p-hdr", "vp9")][:count]


def test_a_cap_is_that_of_the_rung_or_of_the_next_larger_one() -> None:
    wanted = VideoSettings(ladder=(480, 360, 240), max_bitrate={360: 800_000, 480: "1.5M"})
    made = videos(source(), wanted)
    assert [one.max_bitrate for one in made] == [1_500_000, 800_000, 800_000]
    flat = videos(source(), VideoSettings.model_validate({"max_bitrate": "2M"}))
    assert {one.max_bitrate for one in flat} == {2_000_000}


def test_a_picture_that_is_not_wanted_is_not_made() -> None:
    assert videos(source(), VideoSettings(enabled=False)) == ()
    assert videos(record(), VideoSettings()) == ()


def test_the_default_track_comes_first_and_is_called_audio() -> None:
    tracks = (sound(1, language="eng"), sound(2, language="fra", default=True), sound(3))
    made = sounds(source(audio=tracks), AudioSettings())
    assert [(one.name, one.index, one.default) for one in made] == [
        ("audio", 2, True),
        ("audio-eng", 1, False),
        ("audio-3", 3, False),
    ]


def test_tracks_of_one_language_and_title_keep_apart() -> None:
    tracks = tuple(sound(number, language="eng", title="Main") for number in (1, 2, 3))
    made = sounds(source(audio=tracks), AudioSettings())
    assert names(*made) == ["audio", "audio-eng", "audio-eng-2"]
    assert len({one.label for one in made}) == 3


def test_only_the_languages_asked_for_are_kept_but_never_none() -> None:
    tracks = (sound(1, language="eng"), sound(2, language="fra"))
    french = AudioSettings(languages=("fra",))
    assert [one.language for one in sounds(source(audio=tracks), french)] == ["fra"]
    assert [one.language for one in sounds(source(audio=tracks[:1]), french)] == ["eng"]


@pytest.mark.parametrize(("channels", "kept"), [(1, [1]), (2, [2]), (6, [2, 6]), (8, [2, 6])])
def test_surround_sound_is_kept_beside_its_downmix(channels: int, kept: list[int]) -> None:
    made = sounds(source(audio=(sound(channels=channels),)), AudioSettings(surround=True))
    assert [one.channels for one in made] == kept
    downmix = sounds(source(audio=(sound(channels=channels),)), AudioSettings())
    assert [one.channels for one in downmix] == kept[:1]


def test_opus_works_at_48_khz_only() -> None:
    both = AudioSettings(codec=("aac", "opus"))
    made = sounds(record(sound(0, sample_rate=44_100)), both)
    assert [(one.name, one.sample_rate) for one in made] == [
        ("audio", 44_100),
        ("audio-opus", 48_000),
    ]


def test_mono_needs_fewer_bits_and_surround_more() -> None:
    tracks = (sound(1, channels=1), sound(2, channels=6))
    made = sounds(source(audio=tracks), AudioSettings(surround=True, bitrate=100_000))
    assert [one.bitrate for one in made] == [75_000, 100_000, 250_000]


def test_words_are_kept_by_language_and_captions_last() -> None:
    tracks = (words(2, language="eng"), words(3, language="eng", forced=True), words(4))
    made = texts(source(texts=tracks, captions=True), Profile())
    assert [(one.name, one.index, one.forced) for one in made] == [
        ("subtitles-eng", 2, False),
        ("subtitles-eng-2", 3, True),
        ("subtitles-3", 4, False),
        ("subtitles-captions", None, False),
    ]
    assert len({one.label for one in made}) == 4


def test_words_that_are_not_wanted_are_not_made() -> None:
    assert texts(source(texts=(words(),)), Profile(subtitles=False)) == ()
