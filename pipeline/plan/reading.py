"""Argument lists for reading files: what may be opened, and ffprobe's questions. Nothing runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

#: Containers and raw formats that are read. Playlists and scripts (hls, concat, sdp, dash) are
#: not: by their content they would make ffmpeg open other files.
DEMUXERS = (
    *("mov", "matroska", "webm", "avi", "mpegts", "mpeg", "mpegvideo", "flv", "live_flv", "asf"),
    *("ogg", "mxf", "gif", "apng", "dv", "nut", "yuv4mpegpipe", "h264", "hevc", "av1", "obu"),
    *("ivf", "m4v", "rm", "vob", "wav", "w64", "mp3", "flac", "aac", "ac3", "eac3", "aiff", "caf"),
    "webp_anim",
)
#: Only local files and pipes, whatever a file's content asks for.
PROTOCOLS = "file,pipe"


def input_options() -> dict[str, Any]:
    """Give the options that fence in every input, for ffmpeg and ffprobe alike."""
    return {"protocol_whitelist": PROTOCOLS, "format_whitelist": ",".join(DEMUXERS)}


def file_url(path: str | Path) -> str:
    """Name a file so that no part of its name is taken for a protocol, an option or a pattern."""
    return f"file:{path}"


def probe_argv(program: Path, path: Path, *, max_pixels: int) -> list[str]:
    """Build the ffprobe command that prints container and streams as JSON."""
    shown = ["-show_format", "-show_streams", "-show_chapters", "-of", "json"]
    shown += ["-loglevel", "error"]
    # Somewhat more pixels than allowed may be opened, to be refused by us in words.
    return [str(program), *_fence(), "-max_pixels", str(2 * max_pixels), *shown, file_url(path)]


def streams_argv(program: Path, path: Path) -> list[str]:
    """Build the ffprobe command that prints the streams of a file we made, as JSON."""
    return [str(program), "-show_streams", "-of", "json", "-loglevel", "error", file_url(path)]


def packets_argv(program: Path, path: Path | str, stream: str, *, fenced: bool = True) -> list[str]:
    """Build the ffprobe command that prints each packet of a stream: times in seconds, flags."""
    shown = ["-show_entries", "packet=pts_time,dts_time,duration_time,flags", "-of", "csv=p=0"]
    chosen = ["-select_streams", stream, "-loglevel", "error"]
    return [str(program), *(_fence() if fenced else []), *chosen, *shown, file_url(path)]


def joined_packets_argv(program: Path, listing: Path) -> list[str]:
    """Build the same command for files that are one when read one after the other.

    `listing` names them, as ffmpeg's `concatf` protocol wants them: a URL a line.
    """
    shown = ["-show_entries", "packet=pts_time,dts_time,duration_time,flags", "-of", "csv=p=0"]
    chosen = ["-select_streams", "0", "-loglevel", "error"]
    allowed = ["-protocol_whitelist", f"concatf,{PROTOCOLS}", "-format_whitelist", "mov"]
    return [str(program), *allowed, *chosen, *shown, f"concatf:{listing}"]


def _fence() -> list[str]:
    return [part for key, value in input_options().items() for part in (f"-{key}", value)]
