"""Argument lists for reading files: what may be opened, and ffprobe's questions. Nothing runs."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Literal

from pipeline.settings.values import PIXELS

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from pydantic import SecretStr

    from pipeline.plan.source import Source, VideoStream

#: Containers and raw formats that are read. Playlists and scripts (hls, concat, sdp, dash) are
#: not: by their content they would make ffmpeg open other files.
DEMUXERS = (
    *("mov", "matroska", "webm", "avi", "mpegts", "mpeg", "mpegvideo", "flv", "live_flv", "asf"),
    *("ogg", "mxf", "gif", "apng", "dv", "nut", "yuv4mpegpipe", "h264", "hevc", "av1", "obu"),
    *("ivf", "m4v", "rm", "vob", "wav", "w64", "mp3", "flac", "aac", "ac3", "eac3", "aiff", "caf"),
    *("amr", "au", "dts", "truehd", "wv", "tta", "webp_anim", "wtv", "mlp", "loas", "voc"),
)
#: Only local files and pipes, whatever a file's content asks for.
PROTOCOLS = "file,pipe"


#: How long a hole in a broadcast is searched for what comes behind it, bytes.
LONGEST_HOLE = (1 << 31) - 1
#: More streams than any profile's limit may be are not even looked at.
MOST_STREAMS = 1000
#: What is read of our own making, by kind: renditions, lists of them to be read one after the
#: other, texts, and files that are looked at (films and pictures).
OURS = {
    "film": ("mov", "matroska"),
    "list": ("concat", "mov"),
    "text": ("webvtt",),
    "file": ("mov", "matroska", "image2", "jpeg_pipe", "webp_pipe", "png_pipe"),
}
#: How far into a broadcast is looked for streams that begin late, microseconds and bytes; usually
#: ffmpeg looks five seconds.
FAR = {"analyzeduration": 60_000_000, "probesize": 100_000_000}
Ours = Literal["film", "list", "text", "file"]
#: The most pixels of a picture that is decoded, whatever was probed: a stream may change its size
#: on the way, from that of a phone to that of a broadcast. As many times the probed size, and at
#: least as many.
GROWTH = 4
LEAST_PIXELS = PIXELS["8K"]


def input_options(source: Source | None = None) -> dict[str, Any]:
    """Give the options that fence in every input, for ffmpeg and ffprobe alike.

    With `source` also those of its decoders, which only ffmpeg's inputs take.
    """
    fence: dict[str, Any] = {
        "protocol_whitelist": PROTOCOLS,
        "format_whitelist": ",".join(DEMUXERS),
        "max_streams": MOST_STREAMS,
    }
    if source is not None:
        fence["max_pixels"] = most_pixels(source)
        fence |= FAR if source.far else {}
    return fence


def unasked(container: str) -> dict[str, None]:
    """Give the option that opens a file without decoding some of it first, to see what is in it.

    Only the index of an MP4 or MOV tells everything; to see it confirmed took as long as listing
    all packets.
    """
    return {"nofind_stream_info": None} if container.startswith("mov") else {}


def most_pixels(source: Source) -> int:
    """Give how many pixels a picture of this source may have when it is decoded."""
    video = source.video
    return max(LEAST_PIXELS, GROWTH * video.width * video.height if video else 0)


def our_options(kind: Ours) -> dict[str, Any]:
    """Give the options that fence in an input of our own making: some of it is a source's words."""
    return {"protocol_whitelist": "file", "format_whitelist": ",".join(OURS[kind])}


def as_coded(video: VideoStream | None) -> dict[str, Any]:
    """Give the options of an input by which its picture is decoded as it must be.

    It is not turned before its fields were woven; and what of it is transparent is told.
    """
    options: dict[str, Any] = {}
    if video and video.sideways_fields:
        options["noautorotate"] = None
    if video and video.decoder:
        options[f"c:{video.index}"] = video.decoder
    return options


def file_url(path: str | Path) -> str:
    """Name a file so that no part of its name is taken for a protocol, an option or a pattern."""
    return f"file:{path}"


def probe_argv(
    program: Path, path: Path, *, max_pixels: int, max_streams: int, far: bool = False
) -> list[str]:
    """Build the ffprobe command that prints container and streams as JSON.

    With `far` it looks for streams that begin late.
    """
    shown = ["-show_format", "-show_streams", "-show_chapters", "-of", "json"]
    shown += ["-loglevel", "error"]
    # Somewhat more than allowed may be opened, to be refused by us in words.
    most = ["-max_pixels", str(2 * max_pixels)]
    looked = {**(FAR if far else {}), "max_streams": max_streams + 1}
    fence = _options({**input_options(), **looked})
    return [str(program), *fence, *most, *shown, file_url(path)]


def streams_argv(program: Path, path: Path) -> list[str]:
    """Build the ffprobe command that prints the streams of a file we made, as JSON."""
    shown = ["-show_streams", "-of", "json", "-loglevel", "error"]
    return [str(program), *_options(our_options("file")), *shown, file_url(path)]


def packets_argv(
    program: Path, path: Path | str, stream: str | None, container: str, *, far: bool = False
) -> list[str]:
    """Build the ffprobe command that prints each packet of a stream.

    Times in seconds, its size and place in the file in bytes, flags. Where it is to print those of
    all streams (None), each line begins with the stream's number.

    `container` is what ffprobe called it; with "" it looks into the file before it lists. With
    `far` it looks there for streams that begin late: of others it could tell no times.
    """
    entries = "packet=pts_time,dts_time,duration_time,size,pos,flags"
    entries += ",stream_index" if stream is None else ""
    shown = ["-show_entries", entries, "-of", "csv=p=0"]
    chosen = ["-loglevel", "error"] + ([] if stream is None else ["-select_streams", stream])
    opening = [*_options(input_options()), *(f"-{option}" for option in unasked(container))]
    opening += _options(FAR) if far else []
    # Where a broadcast is damaged ffprobe gives up after 64 KiB, while ffmpeg goes on.
    opening += ["-resync_size", str(LONGEST_HOLE)] if container == "mpegts" else []
    return [str(program), *opening, *chosen, *shown, file_url(path)]


def first_frame_argv(program: Path, path: Path | str, stream: int) -> list[str]:
    """Build the ffprobe command that prints what the first frame of a stream says of itself."""
    shown = ["-show_entries", "frame_side_data", "-of", "json", "-loglevel", "error"]
    chosen = ["-select_streams", str(stream), "-read_intervals", "%+#1"]
    return [str(program), *_options(input_options()), *chosen, *shown, file_url(path)]


def _options(options: dict[str, Any]) -> list[str]:
    return [part for key, value in options.items() for part in (f"-{key}", str(value))]


def decode_argv(program: Path, path: Path) -> list[str]:
    """Build the ffmpeg command that decodes a file we made, and tells of every mistake in it."""
    return [*_quiet(program), "-i", file_url(path), *_to_nowhere()]


def decode_joined_argv(program: Path, listing: Path) -> list[str]:
    """Build the same command for files that are one when read one after the other (`joined`)."""
    allowed = ["-protocol_whitelist", f"concatf,{PROTOCOLS}", "-format_whitelist", "mov"]
    return [*_quiet(program), *allowed, "-i", f"concatf:{listing}", *_to_nowhere()]


def decode_encrypted_argv(program: Path, script: Path) -> list[str]:
    """Build the same command for joined files that a script decrypts (`decrypting`)."""
    allowed = ["-protocol_whitelist", f"concatf,{PROTOCOLS}", "-format_whitelist", "concat,mov"]
    # The script names its list by a whole path, which is unsafe in scripts of others only.
    script_of_ours = ["-f", "concat", "-safe", "0", "-i", file_url(script)]
    return [*_quiet(program), *allowed, *script_of_ours, *_to_nowhere()]


def joined(files: Iterable[Path]) -> str:
    """Write the list of files that are read one after the other, a line each, as `concatf` does."""
    return "".join(f"{_escaped(file_url(file))}\n" for file in files)


def decrypting(listing: Path, key: SecretStr) -> str:
    """Write the script by which joined files are decrypted; the key is then no argument.

    After ffmpeg's documentation of the demuxer `concat`, whose `option` is one of the file's.
    """
    return (
        f"ffconcat version 1.0\nfile {_escaped(f'concatf:{listing}')}\n"
        f"option decryption_key {key.get_secret_value()}\n"
    )


def _escaped(name: str) -> str:
    """Write a name so that ffmpeg takes none of its signs for its own (ffmpeg-utils: quoting)."""
    return re.sub(r"([\\'\s])", r"\\\1", name)


def _quiet(program: Path) -> list[str]:
    return [str(program), "-nostdin", "-hide_banner", "-loglevel", "error", "-progress", "pipe:1"]


def _to_nowhere() -> list[str]:
    return ["-map", "0:v?", "-map", "0:a?", "-fps_mode", "passthrough", "-f", "null", "-"]
