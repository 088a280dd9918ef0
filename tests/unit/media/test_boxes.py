"""MP4 boxes are read as ffprobe reads them; what is cut short or contradicts itself is refused."""

from __future__ import annotations

import re
import struct
from pathlib import Path

import pytest

from pipeline.media.boxes import Broken, Track, count_fragments, read_tracks
from pipeline.media.packets import read_packets
from tests.media import ffmpeg, shared, streams, tools

PICTURE = ("-f", "lavfi", "-i", "testsrc2=s=128x72:r=25:d=2")
SOUND = ("-f", "lavfi", "-i", "sine=d=2:r=48000")
FRAGMENTS = "+frag_keyframe+empty_moov+default_base_moof+separate_moof"
KINDS = {
    "b-frames and sound": ("-c:v", "libx264", "-bf", "3", "-c:a", "aac"),
    "a picture that comes late": ("-vf", "setpts=PTS+0.5/TB", "-fps_mode", "passthrough"),
    "frames of many lengths": ("-vf", "select=lt(mod(n\\,7)\\,3)", "-fps_mode", "passthrough"),
    "hevc and opus": ("-c:v", "libx265", "-preset", "ultrafast", "-c:a", "libopus"),
}


def _made(folder: Path, *options: str) -> Path:
    path = folder / "made.mp4"
    ffmpeg(*PICTURE, *SOUND, *options, str(path))
    return path


def _agrees(path: Path, number: int, track: Track) -> None:
    seen = streams(path)[number]
    size = (seen.get("width", 0), seen.get("height", 0))
    assert (track.kind, track.codec) == (seen["codec_type"], seen["codec_name"])
    assert (track.width, track.height) == size
    packets = read_packets(tools(), path, str(number), "any")
    assert (track.count, track.hidden) == (packets.count, packets.hidden)
    times = (packets.first_s, packets.last_s, packets.end_s)
    assert (track.first_s, track.last_s, track.end_s) == pytest.approx(times, abs=2e-6)


@pytest.mark.parametrize("options", KINDS.values(), ids=KINDS)
def test_tracks_are_read_as_ffprobe_reads_them(tmp_path: Path, options: tuple[str, ...]) -> None:
    path = _made(tmp_path, *options)
    tracks = read_tracks(path)
    assert [one.kind for one in tracks] == ["video", "audio"]
    for number, track in enumerate(tracks):
        _agrees(path, number, track)


@pytest.mark.parametrize("name", ["bigbuckbunny.mp4", "bikes.mp4", "bottle-detection.mp4"])
def test_clips_of_others_are_read_too(name: str) -> None:
    path = shared(name)
    for number, track in enumerate(read_tracks(path)):
        _agrees(path, number, track)


@pytest.mark.parametrize(("moved", "apart_s"), [("N", 0.04), ("floor(N/2)*2", 0), ("0", 0)])
def test_how_close_together_pictures_are_shown_is_told(
    tmp_path: Path, moved: str, apart_s: float
) -> None:
    shown = f"settb=1/25,setpts={moved}"
    track = read_tracks(_made(tmp_path, "-vf", shown, "-fps_mode", "passthrough"))[0]
    assert track.count == 50
    assert track.apart_s == pytest.approx(apart_s, abs=1e-3)


def test_a_file_that_is_cut_short_is_refused(tmp_path: Path) -> None:
    path = _made(tmp_path, "-movflags", "+faststart")
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(Broken, match="cut short"):
        read_tracks(path)


def test_an_index_that_announces_more_than_there_is_is_refused(tmp_path: Path) -> None:
    path = _made(tmp_path, "-movflags", "+faststart")
    data = path.read_bytes()
    begun = data.index(b"mdat") - 4
    (size,) = struct.unpack_from(">I", data, begun)
    path.write_bytes(data[:begun] + struct.pack(">I", size - 100) + data[begun + 4 : -100])
    with pytest.raises(Broken, match=r"its samples take \d+ bytes, and it holds \d+"):
        read_tracks(path)


@pytest.mark.parametrize("name", ["moov", "stsd", "stsz", "stts", "hdlr"])
def test_an_index_that_lacks_something_is_refused(tmp_path: Path, name: str) -> None:
    path = _made(tmp_path)
    path.write_bytes(path.read_bytes().replace(name.encode(), b"skip"))
    with pytest.raises(Broken, match=r"lacks its|has no index"):
        read_tracks(path)


def test_what_is_no_mp4_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "words.mp4"
    path.write_text("These are words, and no boxes at all.")
    with pytest.raises(Broken):
        read_tracks(path)


def _segment(folder: Path) -> Path:
    path = folder / "segment.mp4"
    ffmpeg(*PICTURE, "-c:v", "libx264", "-g", "10", "-movflags", FRAGMENTS, str(path))
    return path


def test_samples_of_segments_are_counted(tmp_path: Path) -> None:
    path = _segment(tmp_path)
    assert count_fragments([path]) == 50
    assert count_fragments([path, path]) == 100


def test_a_segment_whose_data_is_gone_is_refused(tmp_path: Path) -> None:
    path = _segment(tmp_path)
    data = path.read_bytes()
    last = [match.start() - 4 for match in re.finditer(b"mdat", data)][-1]
    (size,) = struct.unpack_from(">I", data, last)
    path.write_bytes(data[:last] + struct.pack(">I", size - 7) + data[last + 4 : last + size - 7])
    with pytest.raises(Broken, match=r"segment.mp4 lacks 7 bytes of its samples"):
        count_fragments([path])
