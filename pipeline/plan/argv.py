"""Argument lists for encoding, through ffmpeg-python's graphs. Nothing runs here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import ffmpeg

from pipeline.plan.colour import TONE_MAP, scaled_colours, told_colours
from pipeline.plan.names import AUDIO_STEP, rendition_step
from pipeline.plan.reading import file_url, input_options

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from pipeline.plan.encodes import EncodeUnit
    from pipeline.plan.ladder import Rung
    from pipeline.plan.plan import Plan
    from pipeline.plan.source import VideoStream

#: Never waits for a key, says only what went wrong.
QUIET = ("-nostdin", "-hide_banner", "-nostats", "-loglevel", "error")
#: Clock ticks a second of the video tracks we write: every usual frame rate is exact in it.
TIMESCALE = 90_000
#: How far timestamps are rounded in the coarsest of usual containers (Matroska), seconds.
ROUNDING_S = 0.001


def encode_argv(
    program: Path,
    plan: Plan,
    unit: EncodeUnit,
    outputs: Mapping[str, Path],
    *,
    encoder: str = "libx264",
) -> list[str]:
    """Build the one command that makes every step of the unit named in `outputs`.

    The source is decoded once; each rung is scaled from the next larger one. Audio goes to an
    output of its own. Pictures keep their timestamps, so every frame comes through.
    """
    origin = ffmpeg.input(file_url(plan.source.path), max_error_rate=1, **input_options())
    rungs = [plan.rung(name) for name in unit.rungs if rendition_step(name) in outputs]
    made = []
    if plan.source.video is not None and rungs:
        pictures = cascade(prepared(origin, plan.source.video), rungs, plan.source.video)
        made += [
            ffmpeg.output(
                picture,
                file_url(outputs[rendition_step(rung.name)]),
                **video_options(plan, encoder),
            )
            for rung, picture in zip(rungs, pictures, strict=True)
        ]
    if plan.audio is not None and AUDIO_STEP in outputs:
        sound = steady_sound(origin[str(plan.audio.index)], plan)
        made.append(ffmpeg.output(sound, file_url(outputs[AUDIO_STEP]), **audio_options(plan)))
    joined = ffmpeg.merge_outputs(*made).global_args(
        *("-nostdin", "-hide_banner", "-nostats", "-progress", "pipe:1"),
        *("-loglevel", "level+warning"),
    )
    return compiled(joined, program)


def prepared(origin: Any, video: VideoStream) -> Any:
    """Do once, before the ladder, what every rung needs: whole frames, and ordinary light.

    The first frame is shown from the very beginning. Where the sound starts before the picture,
    players would otherwise wait for a picture that never comes, or begin without the sound.
    """
    picture = whole_frames(origin[str(video.index)], video)
    return ordinary_light(picture.filter("setpts", "if(eq(N,0),0,PTS)"), video)


def whole_frames(picture: Any, video: VideoStream) -> Any:
    """Weave the fields of an interlaced picture to frames, and name the colours it left unnamed."""
    told = told_colours(video)
    if told:
        picture = picture.filter("setparams", **told)
    if video.interlaced:
        # One frame for each frame, not for each field: the count stays the source's.
        picture = picture.filter("bwdif", mode="send_frame", deint="all")
    return picture


def ordinary_light(picture: Any, video: VideoStream) -> Any:
    """Map the light of an HDR picture to that of ordinary screens; others stay as they are."""
    if video.hdr:
        for name, options in TONE_MAP:
            picture = picture.filter(name, **options)
    return picture


def cascade(picture: Any, rungs: Sequence[Rung], video: VideoStream) -> list[Any]:
    """Scale from rung to rung, largest first; returns a stream for each."""
    scaled = []
    for number, rung in enumerate(rungs):
        colours = scaled_colours(video) if number == 0 else {}
        here = (
            picture.filter("scale", w=rung.width, h=rung.height, flags="bicubic", **colours)
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


def video_options(plan: Plan, encoder: str) -> dict[str, Any]:
    """Give the options of each video output: H.264 with key frames at the same times everywhere.

    The delay of B-frames is left to the edit list that ffmpeg writes and the packager hands on.
    Chromium and ffmpeg then show picture and sound together to the sample. With
    `-movflags negative_cts_offsets`, which needs no edit list, ffmpeg's HLS reader was 80 ms off.
    """
    video = plan.profile.video
    return {
        "c:v": encoder,
        "preset": video.preset,
        "crf": video.crf,
        "profile:v": "high",
        "force_key_frames": key_frames(video.gop_seconds),
        # No other key frames than those: at scene cuts and by count they would differ by rung.
        "sc_threshold": 0,
        "g": longest_gop(plan),
        "flags": "+cgop",
        "fps_mode": "passthrough",
        "enc_time_base": "demux",
        "video_track_timescale": TIMESCALE,
        "map_metadata": -1,
        "map_chapters": -1,
        "f": "mp4",
    }


def key_frames(gop_s: float) -> str:
    """Ask for a key frame in each span of `gop_s` seconds: on its first frame.

    A count of those already made (`n_forced`) would, after a gap in the timestamps, turn every
    frame into a key frame until it had caught up.
    """
    # A frame that rounding left just before its time still opens the span.
    span = f"floor((t+{ROUNDING_S})/{gop_s:g})"
    last = f"floor((prev_forced_t+{ROUNDING_S})/{gop_s:g})"
    return f"expr:if(isnan(prev_forced_t),1,gt({span},{last}))"


def longest_gop(plan: Plan) -> int:
    """Give a key frame distance in frames that only the forced times can undercut."""
    video = plan.source.video
    rate = max((video.nominal_rate or 0, video.average_rate or 0)) if video else 0
    return max(250, int(2 * float(rate) * plan.profile.video.gop_seconds) + 1)


def audio_options(plan: Plan) -> dict[str, Any]:
    """Give the options of the audio output: AAC that every player takes."""
    language = plan.audio.language if plan.audio else None
    return {
        "c:a": "aac",
        "b:a": plan.profile.audio.bitrate,
        "ar": 44_100 if plan.audio and plan.audio.sample_rate % 11_025 == 0 else 48_000,
        "map_metadata": -1,
        **({"metadata:s:a:0": f"language={language}"} if language else {}),
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
    return compiled(joined, program)


def compiled(graph: Any, program: Path) -> list[str]:
    """Turn a graph of ffmpeg-python's into the argument list of a command."""
    argv: list[str] = ffmpeg.compile(graph, cmd=str(program), overwrite_output=True)
    return argv
