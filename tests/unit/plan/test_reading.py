from __future__ import annotations

from pathlib import Path

from pipeline.plan.reading import (
    DEMUXERS,
    FAR,
    LONGEST_HOLE,
    file_url,
    input_options,
    packets_argv,
    probe_argv,
    streams_argv,
)
from pipeline.settings.values import PIXELS
from tests.unit.plan.sources import record, sound, source

FFPROBE = Path("/tools/ffprobe")


def test_no_format_that_opens_other_files_is_read() -> None:
    assert not {"hls", "concat", "dash", "sdp", "imf", "image2", "lavfi", "rtsp"} & set(DEMUXERS)


def test_a_name_can_be_no_option_and_no_protocol() -> None:
    assert file_url("-i.mp4") == "file:-i.mp4"
    assert file_url(Path("/a/http:x%d.mp4")) == "file:/a/http:x%d.mp4"


def test_a_source_is_probed_inside_the_fence() -> None:
    arguments = probe_argv(FFPROBE, Path("/in/a b.mp4"), max_pixels=100, max_streams=256)
    assert arguments[:9] == [
        *("/tools/ffprobe", "-protocol_whitelist", "file,pipe", "-format_whitelist"),
        *(",".join(DEMUXERS), "-max_streams", "257", "-max_pixels", "200"),
    ]
    assert arguments[-1] == "file:/in/a b.mp4"


def formats(arguments: list[str]) -> set[str]:
    return set(arguments[arguments.index("-format_whitelist") + 1].split(","))


def test_no_playlist_is_read() -> None:
    ours = streams_argv(FFPROBE, Path("/a"))
    for arguments in (ours, packets_argv(FFPROBE, Path("/a"), "v:0", "avi")):
        assert "hls" not in formats(arguments)
    assert ours[ours.index("-protocol_whitelist") + 1] == "file"


def test_only_files_whose_index_tells_all_are_listed_without_decoding() -> None:
    for container, opened in (("mov,mp4,m4a,3gp,3g2,mj2", True), ("mpegts", False)):
        arguments = packets_argv(FFPROBE, Path("/a"), "v:0", container)
        assert ("-nofind_stream_info" in arguments) == opened


def test_a_decoder_takes_pictures_that_grow_but_not_without_end() -> None:
    assert input_options(source(320, 240))["max_pixels"] == PIXELS["8K"]
    assert input_options(source(16384, 8640))["max_pixels"] == 4 * 16384 * 8640
    assert input_options(record(sound()))["max_pixels"] == PIXELS["8K"]


def test_a_broadcast_is_searched_beyond_any_hole() -> None:
    broadcast = packets_argv(Path("/tools/ffprobe"), Path("/in/a.ts"), "0", "mpegts")
    assert broadcast[broadcast.index("-resync_size") + 1] == str(LONGEST_HOLE)
    assert "-resync_size" not in packets_argv(Path("/tools/ffprobe"), Path("/in/a.mp4"), "0", "mov")


def test_what_begins_late_is_looked_for_wherever_its_file_is_opened() -> None:
    probed = probe_argv(FFPROBE, Path("/a"), max_pixels=1, max_streams=1, far=True)
    listed = packets_argv(FFPROBE, Path("/a"), "v:0", "mpegts", far=True)
    for arguments in (probed, listed):
        assert arguments[arguments.index("-analyzeduration") + 1] == "60000000"
    late = source(320, 240).model_copy(update={"far": True})
    assert FAR.items() <= input_options(late).items()
    assert not FAR.keys() & input_options(source(320, 240)).keys()
