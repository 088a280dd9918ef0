from __future__ import annotations

from pipeline.plan.chapters import chapters_metadata, chapters_vtt, timestamp, used_chapters
from pipeline.plan.source import Chapter
from pipeline.settings.profiles import Profile, TrimSettings
from tests.unit.plan.sources import plan, source

PARTS = (
    Chapter(start_s=0, end_s=2, title="Intro"),
    Chapter(start_s=2, end_s=6, title="A <b> & c=d; #1"),
    Chapter(start_s=6, end_s=12, title="End"),
)


def test_chapters_end_with_the_source_and_move_with_the_cut() -> None:
    whole = used_chapters(plan(source(chapters=PARTS)))
    assert [(one.start_s, one.end_s) for one in whole] == [(0, 2), (2, 6), (6, 10)]
    cut = Profile(trim=TrimSettings.model_validate({"start": "3s", "end": "5s"}))
    assert [
        (one.start_s, one.end_s, one.title)
        for one in used_chapters(plan(source(chapters=PARTS), cut))
    ] == [(0, 2, PARTS[1].title)]


def test_chapters_are_cues_with_nothing_in_them_that_webvtt_reads() -> None:
    assert chapters_vtt(PARTS[1:2]) == (
        "WEBVTT\n\n1\n00:00:02.000 --> 00:00:06.000\nA &lt;b&gt; &amp; c=d; #1\n"
    )


def test_chapters_are_metadata_with_nothing_in_them_that_ffmpeg_reads() -> None:
    assert chapters_metadata(PARTS[1:2]) == (
        ";FFMETADATA1\n[CHAPTER]\nTIMEBASE=1/1000000\nSTART=2000000\nEND=6000000\n"
        "title=A <b> & c\\=d\\; \\#1\n"
    )


def test_times_of_day_long_films_have_hours() -> None:
    assert timestamp(3 * 3600 + 62.0305) == "03:01:02.030"
