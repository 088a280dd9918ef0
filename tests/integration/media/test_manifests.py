"""HLS and DASH read back by others: are the numbers in them those of the segments?"""

from __future__ import annotations

import re
import subprocess
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import m3u8
import pytest
from defusedxml import ElementTree
from mpegdash.parser import MPEGDASHParser

from pipeline.plan.master import attributes
from pipeline.plan.mpd import ORDER
from tests.integration.media.boxes import codec_string
from tests.integration.media.making import QUICK, Made, make
from tests.media import ffmpeg, shared, tools

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

ALL = ["h264", "hevc", "av1", "vp9"]
WORDS = "1\n00:00:00,500 --> 00:00:01,500\n{}\n"


def _codecs(folder: Path) -> Made:
    video = {**QUICK, "codec": ALL, "ladder": [240, 144]}
    audio = {"codec": ["aac", "opus"], "surround": True}
    return make(shared("bigbuckbunny.mp4"), folder / "made", video=video, audio=audio)


def _languages(folder: Path) -> Made:
    """Make of a Matroska, whose clock counts milliseconds, with two sounds of one language."""
    (folder / "words.srt").write_text(WORDS.format("Hello"))
    source = folder / "film.mkv"
    ffmpeg(
        *("-f", "lavfi", "-i", "testsrc2=s=320x180:r=24:d=9"),
        *("-f", "lavfi", "-i", "sine=d=9", "-f", "lavfi", "-i", "sine=880:d=9"),
        *("-f", "lavfi", "-i", "sine=660:d=9", "-i", str(folder / "words.srt")),
        *(word for number in range(5) for word in ("-map", str(number))),
        *("-c:v", "libx264", "-preset", "ultrafast", "-c:a", "aac", "-c:s", "srt"),
        *("-metadata:s:a:0", "language=eng", "-metadata:s:a:0", "title=Film & sound"),
        *("-metadata:s:a:1", "language=eng", "-metadata:s:a:1", "title=Commentary"),
        *("-metadata:s:a:2", "language=fra", "-metadata:s:s:0", "language=ger"),
        *("-disposition:a:0", "default", str(source)),
    )
    return make(source, folder / "made")


def _light(folder: Path, transfer: str = "smpte2084") -> Made:
    source = folder / "hdr.mp4"
    told = f"setparams=color_primaries=bt2020:color_trc={transfer}:colorspace=bt2020nc"
    ffmpeg(
        *("-f", "lavfi", "-i", f"testsrc2=s=320x180:r=30000/1001:d=1,format=yuv420p10le,{told}"),
        *("-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=error"),
        str(source),
    )
    return make(source, folder / "made", video={**QUICK, "codec": ["h264", "vp9"], "hdr": True})


def _sound(folder: Path) -> Made:
    source = folder / "song.flac"
    ffmpeg("-f", "lavfi", "-i", "sine=d=9:r=48000", "-c:a", "flac", str(source))
    return make(source, folder / "made", audio={"codec": ["aac", "opus"]})


def _animation(folder: Path) -> Made:
    return make(shared("newtonscradle.gif"), folder / "made")


MAKERS: dict[str, Callable[[Path], Made]] = {
    "codecs": _codecs,
    "languages": _languages,
    "light": _light,
    "sound": _sound,
    "animation": _animation,
}
_made: dict[str, Made] = {}


@pytest.fixture(params=MAKERS)
def each(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Made:
    return _one(request.param, tmp_path_factory)


def _one(name: str, folders: pytest.TempPathFactory) -> Made:
    if name not in _made:
        _made[name] = MAKERS[name](folders.mktemp(name))
    return _made[name]


def _playlists(made: Made) -> dict[str, Any]:
    return {
        path.name: m3u8.loads(path.read_text())
        for path in (made.folder / "stream").glob("*.m3u8")
        if path.name != "master.m3u8"
    }


def _measured(made: Made, listed: Any) -> list[tuple[int, float]]:
    """List bits and seconds of each segment, or of the range that is named of it."""
    found = []
    for one in listed.segments:
        size = (made.folder / "stream" / one.uri).stat().st_size
        if one.byterange:
            size = int(one.byterange.split("@")[0])
        found.append((size * 8, one.duration))
    return found


def _average(made: Made, listed: Any) -> float:
    segments = _measured(made, listed)
    return sum(bits for bits, _ in segments) / sum(seconds for _, seconds in segments)


def _peak(made: Made, listed: Any) -> float:
    segments, target = _measured(made, listed), listed.target_duration
    whole = [b / s for b, s in segments if target / 2 <= s <= target * 1.5]
    return max([*whole, _average(made, listed)])


def test_media_playlists_keep_the_rules(each: Made) -> None:
    for listed in _playlists(each).values():
        assert int(listed.version) >= 6 or listed.segments[0].uri.endswith(".vtt")
        assert listed.is_endlist
        assert all(round(one.duration) <= listed.target_duration for one in listed.segments)
        if any(one.byterange for one in listed.segments):
            assert listed.is_i_frames_only


def test_variants_say_what_their_segments_take(each: Made) -> None:
    master = m3u8.loads(each.read("stream/master.m3u8"))
    playlists = _playlists(each)
    for one in master.playlists:
        told, groups = one.stream_info, []
        for group in (told.audio, told.subtitles):
            named = [m.uri for m in master.media if group and m.group_id == group]
            groups.append([playlists[uri] for uri in named if uri != one.uri])
        average = _average(each, playlists[one.uri])
        peak = _peak(each, playlists[one.uri])
        for members in groups:
            average += max((_average(each, listed) for listed in members), default=0)
            peak += max((_peak(each, listed) for listed in members), default=0)
        assert told.average_bandwidth == pytest.approx(average, rel=0.001)
        assert told.bandwidth >= told.average_bandwidth
        assert told.bandwidth >= peak * 0.999
        assert told.bandwidth <= peak * 1.3
    for one in master.iframe_playlists:
        told = one.iframe_stream_info
        assert told.average_bandwidth == pytest.approx(
            _average(each, playlists[one.uri]), rel=0.001
        )
        assert told.bandwidth >= told.average_bandwidth


def test_codecs_are_those_of_the_initialization_segments(each: Made) -> None:
    stream = each.folder / "stream"
    parsed = MPEGDASHParser.parse(each.read("stream/manifest.mpd"))
    seen = set()
    for adaptation in parsed.periods[0].adaptation_sets:
        for one in adaptation.representations:
            init = one.segment_templates[0].initialization
            if one.codecs != "wvtt":
                real = codec_string((stream / init).read_bytes())
                assert (
                    one.codecs.startswith(real) if real.startswith("av01") else one.codecs == real
                )
                seen.add(one.codecs)
    master = m3u8.loads(each.read("stream/master.m3u8"))
    told = {codec for one in master.playlists for codec in one.stream_info.codecs.split(",")}
    assert told == seen


def test_names_in_the_init_segment_of_every_codec(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    master = m3u8.loads(_one("codecs", tmp_path_factory).read("stream/master.m3u8"))
    told = {codec for one in master.playlists for codec in one.stream_info.codecs.split(",")}
    assert {re.split(r"\W", codec)[0] for codec in told} == {
        *("avc1", "hvc1", "av01", "vp09", "mp4a", "opus")
    }


@pytest.mark.parametrize(
    ("name", "hls", "dash"),
    [("codecs", 25.0, "25"), ("languages", 24.0, "24"), ("light", 29.97, "30000/1001")],
)
def test_the_frame_rate_is_that_of_the_source(
    name: str, hls: float, dash: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    made = _one(name, tmp_path_factory)
    master = m3u8.loads(made.read("stream/master.m3u8"))
    assert {one.stream_info.frame_rate for one in master.playlists} == {hls}
    rates = set(re.findall(r'frameRate="([^"]*)"', made.read("stream/manifest.mpd")))
    assert rates == {dash}


def test_the_frame_rate_of_what_has_none_is_its_average(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    made = _one("animation", tmp_path_factory)
    master = m3u8.loads(made.read("stream/master.m3u8"))
    (fact,) = made.facts
    wanted = fact.frames / fact.duration_s
    assert master.playlists[0].stream_info.frame_rate == pytest.approx(wanted, rel=0.06)


@pytest.mark.parametrize(("transfer", "word"), [("smpte2084", "PQ"), ("arib-std-b67", "HLG")])
def test_the_light_of_vp9_is_told_too(tmp_path: Path, transfer: str, word: str) -> None:
    made = _light(tmp_path, transfer)
    lines = made.read("stream/master.m3u8").splitlines()
    told = {}
    for line, after in pairwise([*lines, ""]):
        if "-INF:" in line:
            said = attributes(line)
            told[said.get("URI", after).strip('"').removesuffix(".m3u8")] = said["VIDEO-RANGE"]
    assert {told[name] for name in ("144p", "144p-vp9", "144p-iframe")} == {"SDR"}
    assert {told[name] for name in ("144p-hdr", "144p-hdr-iframe")} == {word}
    number = {"PQ": "16", "HLG": "18"}[word]
    assert f'TransferCharacteristics" value="{number}"' in made.read("stream/manifest.mpd")


def test_i_frame_playlists_point_at_key_frames(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    made = _one("codecs", tmp_path_factory)
    stream = made.folder / "stream"
    listed = {name: one for name, one in _playlists(made).items() if "iframe" in name}
    assert len(listed) == 8
    for name, playlist in listed.items():
        assert sum(one.duration for one in playlist.segments) == pytest.approx(5.28)
        assert len(playlist.segments) == 3
        for number, one in enumerate(playlist.segments):
            size, offset = (int(part) for part in one.byterange.split("@"))
            data = (stream / one.uri).read_bytes()[offset : offset + size]
            assert data[4:8] == b"moof"
            alone = tmp_path / f"{name}-{number}.mp4"
            alone.write_bytes((stream / playlist.segment_map[0].uri).read_bytes() + data)
            assert _first_frame(alone) == "K", (name, number)


def _first_frame(path: Path) -> str:
    """Decode one picture, and say whether the file marks it as a key frame."""
    argv = [str(tools().ffprobe), "-loglevel", "quiet", "-read_intervals", "%+#1"]
    shown = ["-show_entries", "packet=flags", "-of", "csv=p=0", str(path)]
    told = subprocess.run([*argv, *shown], check=False, timeout=60, capture_output=True, text=True)
    ffmpeg("-i", str(path), "-frames:v", "1", "-f", "null", "-")
    return told.stdout[:1]


def test_dash_is_read_by_others_and_in_the_schemas_order(each: Made) -> None:
    text = each.read("stream/manifest.mpd")
    parsed = MPEGDASHParser.parse(text)
    assert parsed.min_buffer_time == "PT4S"
    for adaptation in parsed.periods[0].adaptation_sets:
        for one in adaptation.representations:
            template = one.segment_templates[0]
            spans = [
                (entry.d, (entry.r or 0) + 1)
                for timeline in template.segment_timelines
                for entry in timeline.Ss
            ]
            lengths = [d / template.timescale for d, count in spans for _ in range(count)]
            sizes = [
                (each.folder / "stream" / template.media.replace("$Number%05d$", f"{n:05d}"))
                .stat()
                .st_size
                for n in range(1, len(lengths) + 1)
            ]
            average = sum(sizes) * 8 / sum(lengths)
            assert one.bandwidth >= min(average, max(sizes) * 8 / 4.0) * 0.99
            assert one.bandwidth * 4.0 >= max(sizes) * 8
    _in_order(text)


def _in_order(text: str) -> None:
    for element in ElementTree.fromstring(text).iter():
        names = [child.tag.partition("}")[2] for child in element]
        if element.tag.endswith(("AdaptationSet", "Representation")):
            places = [ORDER.index(name) for name in names]
            assert places == sorted(places)


def test_sounds_and_texts_of_dash_have_their_labels(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    made = _one("languages", tmp_path_factory)
    found = re.findall(
        r'<AdaptationSet [^>]*contentType="(\w+)" lang="(\w+)".*?<Label>(.*?)</Label>'
        r'.*?<Role [^>]*value="([\w-]+)"',
        made.read("stream/manifest.mpd"),
        re.DOTALL,
    )
    assert sorted(found) == [
        ("audio", "en", "Commentary", "alternate"),
        ("audio", "en", "Film &amp; sound", "main"),
        ("audio", "fr", "fra", "alternate"),
        ("text", "de", "deu", "subtitle"),
    ]


def test_sound_that_goes_on_after_the_picture_is_played_to_its_end(tmp_path: Path) -> None:
    source = tmp_path / "film.mp4"
    ffmpeg(
        *("-f", "lavfi", "-i", "testsrc2=s=320x180:r=25:d=3"),
        *("-f", "lavfi", "-i", "sine=d=7", "-c:v", "libx264", "-bf", "2", str(source)),
    )
    video = {**QUICK, "codec": ALL, "preset": "veryfast"}
    made = make(source, tmp_path / "made", video=video)
    parsed = MPEGDASHParser.parse(made.read("stream/manifest.mpd"))
    assert parsed.media_presentation_duration == "PT7S"
    assert [(fact.frames, fact.duration_s) for fact in made.facts] == [(75, 7.0)] * len(ALL)
    for name, listed in _playlists(made).items():
        lasts_s = sum(one.duration for one in listed.segments)
        assert lasts_s == pytest.approx(7.0, abs=0.05), name
