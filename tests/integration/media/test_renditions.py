"""What a profile can ask for, made of real files and read back."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import m3u8
import pytest

from pipeline.media.errors import MediaError
from tests.integration.media.making import QUICK, make
from tests.media import ffmpeg, make_clip, shared, streams

if TYPE_CHECKING:
    from pathlib import Path

CHAPTERS = """;FFMETADATA1
[CHAPTER]
TIMEBASE=1/1000
START=0
END=2000
title=Intro; a=b
[CHAPTER]
TIMEBASE=1/1000
START=2000
END=4000
title=Main
"""
WORDS = "1\n00:00:01,000 --> 00:00:02,500\n{}\n"


@pytest.fixture(scope="module")
def rich(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Matroska of four seconds with two languages, two subtitles and two chapters."""
    folder = tmp_path_factory.mktemp("rich")
    (folder / "chapters.txt").write_text(CHAPTERS)
    for word in ("Hello", "Hallo"):
        (folder / f"{word}.srt").write_text(WORDS.format(word))
    path = folder / "rich.mkv"
    ffmpeg(
        *("-f", "lavfi", "-i", "testsrc2=s=320x180:r=25:d=4"),
        *("-f", "lavfi", "-i", "sine=d=4", "-f", "lavfi", "-i", "sine=880:d=4"),
        *("-i", str(folder / "Hello.srt"), "-i", str(folder / "Hallo.srt")),
        *("-i", str(folder / "chapters.txt"), "-map_chapters", "5"),
        *(word for number in range(5) for word in ("-map", str(number))),
        *("-c:v", "libx264", "-preset", "ultrafast", "-c:a", "aac", "-c:s", "srt"),
        *("-metadata:s:a:0", "language=eng", "-metadata:s:a:1", "language=fra"),
        *("-metadata:s:s:0", "language=eng", "-metadata:s:s:1", "language=ger"),
        *("-metadata:s:a:1", 'title=Commentaire, "x"'),
        *("-disposition:a:0", "0", "-disposition:a:1", "default", str(path)),
    )
    return path


def test_every_codec_stands_behind_one_master_playlist(tmp_path: Path) -> None:
    codecs = ["h264", "hevc", "av1", "vp9"]
    made = make(
        shared("bigbuckbunny.mp4"),
        tmp_path,
        video={**QUICK, "codec": codecs},
        audio={"codec": ["aac", "opus"], "surround": True},
    )
    assert {(fact.codec, fact.frames) for fact in made.facts} == {(one, 132) for one in codecs}
    master = m3u8.loads(made.read("stream/master.m3u8"))
    told = {one.stream_info.codecs.split(",")[0][:4] for one in master.playlists}
    assert told == {"avc1", "hvc1", "av01", "vp09"}
    groups = {one.group_id: one.channels for one in master.media}
    assert groups == {
        "audio": "2",
        "audio-surround": "6",
        "audio-opus": "2",
        "audio-opus-surround": "6",
    }
    assert {one.default for one in master.media} == {"YES"}


def test_key_frames_of_all_codecs_come_at_the_same_times(tmp_path: Path) -> None:
    video = {**QUICK, "codec": ["h264", "hevc", "av1", "vp9"], "gop_seconds": 1}
    made = make(shared("bottle-detection.mp4"), tmp_path, video=video, trim={"end": "5s"})
    spans = []
    for fact in made.facts:
        playlist = m3u8.loads(made.read(f"stream/{fact.name}-iframe.m3u8"))
        spans.append([round(one.duration, 3) for one in playlist.segments])
    assert len(spans[0]) == 5
    assert spans == spans[:1] * 4


def test_sounds_and_words_are_found_by_language_and_chapters_are_kept(
    rich: Path, tmp_path: Path
) -> None:
    made = make(rich, tmp_path)
    master = m3u8.loads(made.read("stream/master.m3u8"))
    media = {(one.type, one.language, one.name, one.default) for one in master.media}
    assert media == {
        ("AUDIO", "fr", "Commentaire x", "YES"),
        ("AUDIO", "en", "eng", "NO"),
        ("SUBTITLES", "en", "eng", "NO"),
        ("SUBTITLES", "de", "deu", "NO"),
    }
    assert "00:01.000 --> 00:02.500\nHello" in made.read("subtitles/subtitles-eng.vtt")
    assert "Hallo" in made.read("stream/subtitles-deu/00001.vtt")
    assert re.search(r'lang="de"[^>]*>.*?codecs="wvtt"', made.read("stream/manifest.mpd"), re.S)
    assert "00:00:02.000 --> 00:00:04.000\nMain" in made.read("chapters.vtt")
    found = streams(made.folder / "mp4" / "144p.mp4")
    assert [(one["codec_name"], one["tags"]["language"]) for one in found[1:5]] == [
        ("aac", "fra"),
        ("aac", "eng"),
        ("mov_text", "eng"),
        ("mov_text", "deu"),
    ]
    assert [one["name"] for one in made.said["audio"]] == ["audio", "audio-eng"]
    assert [one["language"] for one in made.said["subtitles"]] == ["eng", "deu"]


def test_only_the_wanted_part_is_used_of_everything(rich: Path, tmp_path: Path) -> None:
    made = make(rich, tmp_path, trim={"start": "1s", "end": "3s"})
    assert made.facts[0].frames == 50
    assert made.facts[0].duration_s == pytest.approx(2.0, abs=0.01)
    assert "00:00:00.000 --> 00:00:01.500\nHello" in made.read("subtitles/subtitles-eng.vtt")
    assert "00:00:00.000 --> 00:00:01.000\nIntro" in made.read("chapters.vtt")
    sound = streams(made.folder / "mp4" / "144p.mp4")[1]
    assert float(sound["duration"]) == pytest.approx(2.0, abs=0.05)


def test_a_text_that_says_nothing_is_left_out(tmp_path: Path) -> None:
    words = tmp_path / "words.srt"
    words.write_text(WORDS.format("late").replace("00:00:0", "00:00:5"))
    source = make_clip(tmp_path / "plain.mp4", seconds=2)
    late = tmp_path / "late.mkv"
    ffmpeg("-i", str(source), "-i", str(words), "-map", "0", "-map", "1", "-c", "copy", str(late))
    made = make(late, tmp_path / "made", trim={"end": "1s"})
    assert made.packaged.silent == ("subtitles-1",)
    assert "subtitles" not in made.said
    assert "SUBTITLES" not in made.read("stream/master.m3u8")


def test_hdr_is_kept_beside_ordinary_light(tmp_path: Path) -> None:
    source = tmp_path / "hdr.mp4"
    told = "setparams=color_primaries=bt2020:color_trc=smpte2084:colorspace=bt2020nc"
    ffmpeg(
        *("-f", "lavfi", "-i", f"testsrc2=s=320x180:r=25:d=1,format=yuv420p10le,{told}"),
        *("-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=error"),
        str(source),
    )
    video = {**QUICK, "codec": ["h264", "hevc"], "hdr": True}
    made = make(source, tmp_path / "made", video=video)
    looks = {
        fact.name: tuple(
            streams(made.folder / fact.path)[0].get(key)
            for key in ("pix_fmt", "color_transfer", "color_primaries", "color_space")
        )
        for fact in made.facts
    }
    ordinary = ("yuv420p", "bt709", "bt709", "bt709")
    assert looks == {
        "144p": ordinary,
        "144p-hevc": ordinary,
        "144p-hdr": ("yuv420p10le", "smpte2084", "bt2020", "bt2020nc"),
    }
    assert "VIDEO-RANGE=PQ" in made.read("stream/master.m3u8")


@pytest.mark.parametrize("loudness", [None, -20])
def test_a_part_with_nothing_of_its_sound_is_as_long_without_its_picture(
    tmp_path: Path, loudness: int | None
) -> None:
    path = tmp_path / "a.mp4"
    ffmpeg(
        *("-f", "lavfi", "-i", "color=s=64x48:d=8", "-f", "lavfi", "-i", "sine=d=3"),
        *("-c:v", "libx264", "-c:a", "aac", str(path)),
    )
    asked = {"video": {"enabled": False}, "trim": {"start": "5s"}, "audio": {"loudness": loudness}}
    made = make(path, tmp_path / "made", **asked)
    assert _loudness(made.folder / "mp4" / "audio.m4a") <= -70
    assert made.plan.end_s - made.plan.start_s == pytest.approx(3, abs=0.1)


@pytest.mark.parametrize("name", ["quiet.wav", "quiet.ts"])
def test_loudness_is_brought_to_the_target(name: str, tmp_path: Path) -> None:
    source = tmp_path / name
    ffmpeg("-f", "lavfi", "-i", "sine=f=1000:d=6", "-af", "volume=-12dB", str(source))
    made = make(source, tmp_path / "made", audio={"loudness": -20})
    assert _loudness(made.folder / "mp4" / "audio.m4a") == pytest.approx(-20, abs=0.6)


def test_sounds_of_a_broadcast_with_holes_in_turn_do_not_wait_for_each_other(
    tmp_path: Path,
) -> None:
    source = tmp_path / "holes.ts"
    holes = "[1]aselect='lt(mod(t,12),4)'[a];[2]aselect='lt(mod(t+6,12),4)'[b]"
    ffmpeg(
        *("-f", "lavfi", "-i", "testsrc2=s=64x36:r=25:d=60", "-f", "lavfi", "-i", "sine=d=60"),
        *("-f", "lavfi", "-i", "sine=880:d=60", "-filter_complex", holes),
        *("-map", "0", "-map", "[a]", "-map", "[b]", "-c:v", "libx264", "-preset", "ultrafast"),
        *("-c:a", "ac3", "-metadata:s:a:0", "language=eng", "-metadata:s:a:1", "language=fra"),
        *("-copyts", str(source)),
    )
    made = make(source, tmp_path / "made", video={**QUICK, "ladder": [36]})
    assert [one["language"] for one in made.said["audio"]] == ["eng", "fra"]


def _loudness(path: Path) -> float:
    import subprocess

    from tests.media import tools

    argv = [str(tools().ffmpeg), "-nostdin", "-i", str(path), "-af", "ebur128", "-f", "null", "-"]
    told = subprocess.run(argv, check=True, capture_output=True, text=True, timeout=60).stderr
    return float(re.findall(r"I:\s+(-?[\d.]+) LUFS", told)[-1])


def test_silence_stays_silent_also_when_loudness_is_asked_for(tmp_path: Path) -> None:
    source = tmp_path / "silence.wav"
    ffmpeg("-f", "lavfi", "-i", "anullsrc=r=48000:cl=stereo:d=2", str(source))
    made = make(source, tmp_path / "made", audio={"loudness": -20})
    assert _loudness(made.folder / "mp4" / "audio.m4a") <= -70


def test_sound_alone_has_streams_and_a_file_but_no_rendition(tmp_path: Path) -> None:
    source = tmp_path / "song.flac"
    ffmpeg("-f", "lavfi", "-i", "sine=d=3:r=96000", "-c:a", "flac", str(source))
    made = make(source, tmp_path / "made", audio={"codec": ["opus", "aac"]})
    assert made.facts == []
    assert made.said["audio"][0]["path"] == "mp4/audio.m4a"
    (stream,) = streams(made.folder / "mp4" / "audio.m4a")
    assert (stream["codec_name"], stream["sample_rate"]) == ("opus", "48000")
    master = m3u8.loads(made.read("stream/master.m3u8"))
    assert {one.stream_info.codecs for one in master.playlists} == {"opus", "mp4a.40.2"}


def test_a_picture_alone_is_made_when_no_sound_is_wanted(rich: Path, tmp_path: Path) -> None:
    made = make(rich, tmp_path, audio={"enabled": False})
    assert made.plan.sounds == ()
    kinds = [one["codec_type"] for one in streams(made.folder / "mp4" / "144p.mp4")]
    assert "audio" not in kinds


def test_a_watermark_is_seen_in_its_corner(tmp_path: Path) -> None:
    mark, source = tmp_path / "mark.png", tmp_path / "grey.mp4"
    ffmpeg("-f", "lavfi", "-i", "color=red:s=64x64", "-frames:v", "1", str(mark))
    ffmpeg("-f", "lavfi", "-i", "color=gray:s=320x180:r=25:d=1", str(source))
    wanted = {"file": str(mark), "corner": "top-left", "opacity": 1, "width": 0.25}
    made = make(source, tmp_path / "made", watermark=wanted)
    frame = tmp_path / "frame.rgb"
    ffmpeg(
        *("-i", str(made.folder / "mp4" / "144p.mp4"), "-frames:v", "1"),
        *("-pix_fmt", "rgb24", "-f", "rawvideo", str(frame)),
    )
    pixels, width = frame.read_bytes(), made.facts[0].width

    def at(x: int, y: int) -> tuple[int, ...]:
        return tuple(pixels[(y * width + x) * 3 :][:3])

    red, green, _ = at(20, 20)
    assert red > 200
    assert green < 60
    assert max(at(width - 20, 120)) - min(at(width - 20, 120)) < 12


def test_a_watermark_that_is_gone_is_an_error_that_names_it(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "clip.mp4", seconds=1)
    with pytest.raises(MediaError, match=r"watermark .*/none\.png is not there") as caught:
        make(source, tmp_path / "made", watermark={"file": str(tmp_path / "none.png")})
    assert caught.value.code == "watermark_gone"
    assert "profiles.yml" in caught.value.hint
    assert "when they start" in caught.value.hint


def test_a_watermark_that_no_one_can_read_is_an_error_that_names_it(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "clip.mp4", seconds=1)
    with pytest.raises(MediaError, match="can't be read: File name too long") as caught:
        make(source, tmp_path / "made", watermark={"file": str(tmp_path / ("n" * 300))})
    assert caught.value.code == "watermark_gone"
    assert "may read it" in caught.value.hint


def test_a_cap_on_the_bitrate_is_kept(tmp_path: Path) -> None:
    source = tmp_path / "noise.mp4"
    noise = "testsrc2=s=640x360:r=25:d=6,noise=alls=60:allf=t"
    ffmpeg("-f", "lavfi", "-i", noise, "-c:v", "libx264", "-preset", "ultrafast", str(source))
    video = {"ladder": [360], "preset": "veryfast", "max_bitrate": "400k"}
    made = make(source, tmp_path / "made", video=video)
    assert made.facts[0].bytes * 8 / 6 < 480_000
