"""Argument lists for ffmpeg and ffprobe, through ffmpeg-python's graphs. Nothing runs here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import ffmpeg

from pipeline.plan.names import AUDIO_STEP, rendition_step

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from pipeline.plan.encodes import EncodeUnit
    from pipeline.plan.ladder import Rung
    from pipeline.plan.plan import Plan
    from pipeline.plan.source import Source, VideoStream

#: Containers and raw formats that are read. Playlists and scripts (hls, concat, sdp, dash) are
#: not: by their content they would make ffmpeg open other files.
DEMUXERS = (
    *("mov", "matroska", "webm", "avi", "mpegts", "mpeg", "mpegvideo", "flv", "live_flv", "asf"),
    *("ogg", "mxf", "gif", "webp_anim", "wav", "w64", "mp3", "flac", "aac", "ac3", "eac3", "dv"),
    *(
        "nut",
        "yuv4mpegpipe",
        "h264",
        "hevc",
        "av1",
        "obu",
        "ivf",
        "m4v",
        "aiff",
        "caf",
        "rm",
        "vob",
    ),
)
#: Only local files and pipes, whatever a file's content asks for.
PROTOCOLS = "file,pipe"
#: The longest a filter may be asked to choose a poster from, frames: about five seconds.
POSTER_FRAMES = 120
#: The widest a poster is, pixels.
POSTER_WIDTH = 1280
#: PQ and HLG to ordinary light: linear, BT.709 primaries, a curve that keeps highlights.
TONE_MAP = (
    ("zscale", {"t": "linear", "npl": 100}),
    ("format", {"pix_fmts": "gbrpf32le"}),
    ("zscale", {"p": "bt709"}),
    ("tonemap", {"tonemap": "hable", "desat": 0}),
    ("zscale", {"t": "bt709", "m": "bt709", "r": "tv"}),
)
#: Never waits for a key, says only what went wrong.
QUIET = ("-nostdin", "-hide_banner", "-nostats", "-loglevel", "error")
#: Clock ticks a second of the video tracks we write: every usual frame rate is exact in it.
TIMESCALE = 90_000


def input_options() -> dict[str, Any]:
    """Give the options that fence in every input, for ffmpeg and ffprobe alike."""
    return {"protocol_whitelist": PROTOCOLS, "format_whitelist": ",".join(DEMUXERS)}


def file_url(path: str | Path) -> str:
    """Name a file so that no part of its name is taken for a protocol, an option or a pattern."""
    return f"file:{path}"


def encode_argv(
    program: Path, plan: Plan, unit: EncodeUnit, outputs: Mapping[str, Path]
) -> list[str]:
    """Build the one command that makes every step of the unit named in `outputs`.

    The source is decoded once; each rung is scaled from the next larger one. Audio goes to an
    output of its own. Pictures keep their timestamps, so every frame comes through.
    """
    origin = ffmpeg.input(file_url(plan.source.path), **input_options())
    rungs = [plan.rung(name) for name in unit.rungs if rendition_step(name) in outputs]
    made = []
    if plan.source.video is not None:
        pictures = cascade(prepared(origin, plan.source.video, rungs), rungs)
        made += [
            ffmpeg.output(
                picture, file_url(outputs[rendition_step(rung.name)]), **video_options(plan)
            )
            for rung, picture in zip(rungs, pictures, strict=True)
        ]
    if plan.audio is not None and AUDIO_STEP in outputs:
        sound = steady_sound(origin[str(plan.audio.index)], plan)
        made.append(ffmpeg.output(sound, file_url(outputs[AUDIO_STEP]), **audio_options(plan)))
    joined = ffmpeg.merge_outputs(*made).global_args(
        "-nostdin", "-hide_banner", "-nostats", "-progress", "pipe:1", "-loglevel", "warning"
    )
    return _compiled(joined, program)


def prepared(origin: Any, video: VideoStream, rungs: Sequence[Rung]) -> Any:
    """Do once, before the ladder, what every rung needs: whole frames, and ordinary light."""
    picture = origin[str(video.index)]
    if not rungs:
        return picture
    if video.interlaced:
        # One frame for each frame, not for each field: the count stays the source's.
        picture = picture.filter("bwdif", mode="send_frame", deint="all")
    if video.hdr:
        for name, options in TONE_MAP:
            picture = picture.filter(name, **options)
    return picture


def cascade(picture: Any, rungs: Sequence[Rung]) -> list[Any]:
    """Scale from rung to rung, largest first; returns a stream for each."""
    scaled = []
    for number, rung in enumerate(rungs):
        here = (
            picture.filter("scale", w=rung.width, h=rung.height, flags="bicubic")
            .filter("setsar", "1")
            .filter("format", pix_fmts="yuv420p")
        )
        if number + 1 < len(rungs):
            both = here.split()
            here, picture = both[0], both[1]
        scaled.append(here)
    return scaled


def steady_sound(track: Any, plan: Plan) -> Any:
    """Make sound that starts when the file does and has no holes, in at most two channels.

    A track that starts late is led in by silence, so that players which ignore edit lists
    still hear it in time with the picture.
    """
    steady = track.filter("aresample", **{"async": 1, "first_pts": 0})
    if plan.audio is not None and plan.audio.channels > 2:  # noqa: PLR2004 - more than stereo
        steady = steady.filter("aformat", channel_layouts="stereo")
    return steady


def video_options(plan: Plan) -> dict[str, Any]:
    """Give the options of each video output: H.264 with key frames at the same times everywhere."""
    video = plan.profile.video
    gop_s = video.gop_seconds
    return {
        "c:v": "libx264",
        "preset": video.preset,
        "crf": video.crf,
        "profile:v": "high",
        "force_key_frames": f"expr:gte(t,n_forced*{gop_s:g})",
        # No other key frames than those: at scene cuts and by count they would differ by rung.
        "sc_threshold": 0,
        "g": longest_gop(plan),
        "flags": "+cgop",
        "color_range": "tv",
        **color_options(plan.source.video),
        "fps_mode": "passthrough",
        "enc_time_base": "demux",
        "video_track_timescale": TIMESCALE,
        "map_metadata": -1,
        "map_chapters": -1,
        "f": "mp4",
    }


def longest_gop(plan: Plan) -> int:
    """Give a key frame distance in frames that only the forced times can undercut."""
    video = plan.source.video
    rate = max((video.nominal_rate or 0, video.average_rate or 0)) if video else 0
    return max(250, int(2 * float(rate) * plan.profile.video.gop_seconds) + 1)


def color_options(video: VideoStream | None) -> dict[str, Any]:
    """Tag the output with the colours it has: BT.709 after tone mapping, else the source's own."""
    if video is None:
        return {}
    if video.hdr:
        return dict.fromkeys(("color_primaries", "color_trc", "colorspace"), "bt709")
    known = {
        "color_primaries": video.color_primaries,
        "color_trc": video.color_transfer,
        "colorspace": video.color_space if video.color_space != "gbr" else None,
    }
    return {key: value for key, value in known.items() if value not in (None, "unknown")}


def audio_options(plan: Plan) -> dict[str, Any]:
    """Give the options of the audio output: AAC that every player takes."""
    return {
        "c:a": "aac",
        "b:a": plan.profile.audio.bitrate,
        "ar": 44_100 if plan.audio and plan.audio.sample_rate % 11_025 == 0 else 48_000,
        "map_metadata": -1,
        "map_chapters": -1,
        "f": "mp4",
    }


def mux_argv(program: Path, video: Path, audio: Path | None, output: Path) -> list[str]:
    """Build the command that joins one rung and the sound into a progressive MP4, uncoded.

    Timestamps are copied as they are: ffmpeg would move each input to begin at 0 by itself, and
    a picture that starts after the sound would come too early.
    """
    streams = [ffmpeg.input(file_url(video))["v:0"]]
    if audio is not None:
        streams.append(ffmpeg.input(file_url(audio))["a:0"])
    joined = ffmpeg.output(
        *streams, file_url(output), c="copy", movflags="+faststart", f="mp4"
    ).global_args(*QUIET, "-copyts", "-progress", "pipe:1")
    return _compiled(joined, program)


def poster_argv(program: Path, source: Source, at_s: float, output: Path) -> list[str]:
    """Build the command that takes the most typical frame of some seconds from `at_s` on.

    ffmpeg's `thumbnail` filter picks the frame whose colours are nearest to the average of its
    batch, so a flash, a black frame or a blend between shots is not chosen.
    """
    video = source.video
    if video is None:
        raise ValueError("a poster needs a picture")
    width = min(POSTER_WIDTH, max(2, source.display_width))
    height = max(1, round(source.display_height * width / max(1, source.display_width)))
    origin = ffmpeg.input(file_url(source.path), ss=f"{at_s:.3f}", **input_options())
    picture = origin[str(video.index)]
    if video.interlaced:
        picture = picture.filter("bwdif", mode="send_frame", deint="all")
    picture = picture.filter("thumbnail", n=POSTER_FRAMES)
    if video.hdr:
        for name, options in TONE_MAP:
            picture = picture.filter(name, **options)
    picture = picture.filter("scale", w=width, h=height, out_range="pc").filter("setsar", "1")
    made = ffmpeg.output(
        picture.filter("format", pix_fmts="yuvj420p"),
        file_url(output),
        **{"frames:v": 1, "c:v": "mjpeg", "q:v": 3, "f": "image2", "update": 1},
    ).global_args(*QUIET, "-progress", "pipe:1")
    return _compiled(made, program)


def luma_argv(program: Path, picture: Path) -> list[str]:
    """Build the command that prints a picture as 32x18 bytes of brightness."""
    small = (
        ffmpeg.input(file_url(picture))
        .filter("scale", w=32, h=18, flags="area")
        .filter("format", pix_fmts="gray")
    )
    made = ffmpeg.output(small, "pipe:1", f="rawvideo").global_args(*QUIET)
    return _compiled(made, program)


def probe_argv(program: Path, path: Path, *, max_pixels: int) -> list[str]:
    """Build the ffprobe command that prints container and streams as JSON."""
    fence = [part for key, value in input_options().items() for part in (f"-{key}", value)]
    shown = ["-show_format", "-show_streams", "-of", "json", "-loglevel", "error"]
    # One pixel more than allowed may be opened, to be refused by us in words.
    return [str(program), *fence, "-max_pixels", str(2 * max_pixels), *shown, file_url(path)]


def streams_argv(program: Path, path: Path) -> list[str]:
    """Build the ffprobe command that prints the streams of a file we made, as JSON."""
    return [str(program), "-show_streams", "-of", "json", "-loglevel", "error", file_url(path)]


def packets_argv(program: Path, path: Path | str, stream: str, *, fenced: bool = True) -> list[str]:
    """Build the ffprobe command that prints each packet of a stream: pts in seconds, flags."""
    fence = [part for key, value in input_options().items() for part in (f"-{key}", value)]
    shown = ["-show_entries", "packet=pts_time,duration_time,flags", "-of", "csv=p=0"]
    chosen = ["-select_streams", stream, "-loglevel", "error"]
    return [str(program), *(fence if fenced else []), *chosen, *shown, file_url(path)]


def _compiled(graph: Any, program: Path) -> list[str]:
    argv: list[str] = ffmpeg.compile(graph, cmd=str(program), overwrite_output=True)
    return argv
