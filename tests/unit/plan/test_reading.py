from __future__ import annotations

from pathlib import Path

from pipeline.plan.reading import (
    DEMUXERS,
    file_url,
    joined_packets_argv,
    packets_argv,
    probe_argv,
    streams_argv,
)

FFPROBE = Path("/tools/ffprobe")


def test_no_format_that_opens_other_files_is_read() -> None:
    assert not {"hls", "concat", "dash", "sdp", "imf", "image2", "lavfi", "rtsp"} & set(DEMUXERS)


def test_a_name_can_be_no_option_and_no_protocol() -> None:
    assert file_url("-i.mp4") == "file:-i.mp4"
    assert file_url(Path("/a/http:x%d.mp4")) == "file:/a/http:x%d.mp4"


def test_a_source_is_probed_inside_the_fence() -> None:
    arguments = probe_argv(FFPROBE, Path("/in/a b.mp4"), max_pixels=100)
    assert arguments[:7] == [
        *("/tools/ffprobe", "-protocol_whitelist", "file,pipe", "-format_whitelist"),
        *(",".join(DEMUXERS), "-max_pixels", "200"),
    ]
    assert arguments[-1] == "file:/in/a b.mp4"


def test_packets_of_sources_are_read_inside_the_fence_and_ours_outside() -> None:
    assert "-format_whitelist" in packets_argv(FFPROBE, Path("/a"), "v:0")
    assert "-format_whitelist" not in packets_argv(FFPROBE, Path("/a"), "v:0", fenced=False)
    assert "-format_whitelist" not in streams_argv(FFPROBE, Path("/a"))


def test_segments_are_read_one_after_the_other() -> None:
    arguments = joined_packets_argv(FFPROBE, Path("/tmp/list.txt"))
    assert arguments[-1] == "concatf:/tmp/list.txt"
    assert arguments[2] == "concatf,file,pipe"
