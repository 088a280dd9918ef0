"""Argument lists for encoding, through ffmpeg-python's graphs. Nothing runs here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import ffmpeg

from pipeline.plan.codecs import picture_options, sound_options
from pipeline.plan.commands import QUIET, TOLD, compiled, on_the_clock, opened
from pipeline.plan.hardware import device_arguments, handed_over, kind_of
from pipeline.plan.names import rendition_step
from pipeline.plan.picture import pictures
from pipeline.plan.reading import file_url, input_options, our_options
from pipeline.plan.sound import BEHIND_S, Loudness, behind, heard
from pipeline.plan.stages import staged
from pipeline.plan.threads import x264_threads

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from pipeline.plan.plan import Plan
    from pipeline.plan.renditions import SoundRendition, TextRendition, VideoRendition


def encode_argv(
    program: Path,
    plan: Plan,
    outputs: Mapping[str, Path],
    *,
    encoders: Mapping[str, str],
    cores: int,
    loudness: Mapping[str, Loudness | None] | None = None,
) -> list[str]:
    """Build the one command that makes every picture and sound named in `outputs` (step → file).

    The source is decoded once; each rung is scaled from the next larger one. Each sound goes to
    an output of its own. `encoders` maps a picture's name to ffmpeg's encoder, `loudness` a
    sound's to what it was measured to be; `cores` is how many the encoders have for them all.
    """
    origin = opened(plan)
    wanted = [one for one in plan.videos if rendition_step(one.name) in outputs]
    shown = pictures(origin, plan, wanted) if wanted else {}
    kinds = {video.name: kind_of(encoders[video.name]) for video in wanted}
    threads = x264_threads(wanted, cores)
    made = [
        ffmpeg.output(
            handed_over(shown[video.name], kinds[video.name]),
            file_url(outputs[rendition_step(video.name)]),
            **picture_options(plan, video, encoders[video.name], threads[video.name]),
        )
        for video in wanted
    ]
    listened = [one for one in plan.sounds if rendition_step(one.name) in outputs]
    made += _sounds(heard(origin, plan, listened, loudness or {}), listened, outputs)
    made += on_the_clock(origin, plan, {*_shown(plan, wanted), *(one.index for one in listened)})
    opening = device_arguments(kinds.values())
    return staged(compiled(ffmpeg.merge_outputs(*made).global_args(*TOLD, *opening), program))


def _shown(plan: Plan, wanted: Sequence[VideoRendition]) -> set[int]:
    """Give the picture's number where one is made of it."""
    return {plan.source.video.index} if plan.source.video is not None and wanted else set()


def sound_argv(
    program: Path,
    plan: Plan,
    sounds: Sequence[SoundRendition],
    outputs: Mapping[str, Path],
    *,
    loudness: Mapping[str, Loudness | None],
) -> list[str]:
    """Build the command that makes `sounds`, all of one track that may change on the way."""
    origin = opened(plan)
    tracks = heard(origin, plan, sounds, loudness, alone=True)
    beside = on_the_clock(origin, plan, {one.index for one in sounds})
    placed: dict[str, Any] = {}
    if beside:
        tracks = {name: behind(track) for name, track in tracks.items()}
        placed = {"output_ts_offset": BEHIND_S}
    made = [*_sounds(tracks, sounds, outputs, **placed), *beside]
    return staged(compiled(ffmpeg.merge_outputs(*made).global_args(*TOLD), program))


def _sounds(
    tracks: Mapping[str, Any],
    sounds: Sequence[SoundRendition],
    outputs: Mapping[str, Path],
    **placed: Any,
) -> list[Any]:
    return [
        ffmpeg.output(
            tracks[sound.name],
            file_url(outputs[rendition_step(sound.name)]),
            **sound_options(sound),
            **placed,
        )
        for sound in sounds
    ]


def text_argv(program: Path, plan: Plan, text: TextRendition, output: Path) -> list[str]:
    """Build the command that writes a subtitle track of words as WebVTT, all of it.

    Of a part of it ffmpeg would write what is said at its beginning for as long as in the whole.
    """
    origin = ffmpeg.input(file_url(plan.source.path), **input_options(plan.source))
    made = ffmpeg.output(
        origin[str(text.index)],
        file_url(output),
        **{"c:s": "webvtt", "f": "webvtt", "map_metadata": -1, "map_chapters": -1},
    ).global_args(*QUIET, "-progress", "pipe:1")
    return compiled(made, program)


@dataclass(frozen=True)
class Muxed:
    """A progressive MP4: where it goes, and the files of the picture (if any) and sounds in it."""

    output: Path
    video: Path | None
    sounds: Sequence[tuple[SoundRendition, Path]]


def mux_argv(
    program: Path,
    files: Sequence[Muxed],
    texts: Sequence[tuple[TextRendition, Path]],
    *,
    chapters: Path | None = None,
    tags: Mapping[str, str] | None = None,
) -> list[str]:
    """Build the one command that joins pictures, sounds and texts into progressive MP4s.

    Nothing is coded again. `texts` go into each of `files`. `chapters` names a file of ffmpeg's
    metadata format; of `tags` those are written that an MP4 has a place for (ffmpeg-formats, "mov,
    mp4, ismv"). Timestamps are copied as they are: ffmpeg would move each input to begin at 0
    by itself, and a picture that starts after the sound would come too early.
    """
    read = {one.video for one in files if one.video is not None}
    read |= {path for one in files for _, path in one.sounds} | {path for _, path in texts}
    chapters_at = len(read) if chapters is not None else -1
    told: dict[str, Any] = {"map_chapters": chapters_at}
    # ffmpeg-python takes each option once; ffmpeg reads no further than `g`, the whole file.
    for number, (key, value) in enumerate((tags or {}).items()):
        told[f"metadata:g:{number}"] = f"{key}={value}"
    made = ffmpeg.merge_outputs(*(_muxed(one, texts, told) for one in files))
    argv = compiled(made.global_args(*QUIET, "-copyts", "-progress", "pipe:1"), program)
    if chapters is not None:
        # An input that no stream is taken from is beyond ffmpeg-python's graphs.
        after = len(argv) - argv[::-1].index("-i") + 1
        argv[after:after] = ["-f", "ffmetadata", "-i", file_url(chapters)]
    return argv


def _muxed(one: Muxed, texts: Sequence[tuple[TextRendition, Path]], told: Mapping[str, Any]) -> Any:
    film, text_file = our_options("film"), our_options("text")
    # Parsed, the last frame of VP9 would lose its own length, which may be long (`holding`).
    whole = {**film, "fflags": "+noparse"}
    streams = [] if one.video is None else [ffmpeg.input(file_url(one.video), **whole)["v:0"]]
    streams += [ffmpeg.input(file_url(path), **film)["a:0"] for _, path in one.sounds]
    streams += [ffmpeg.input(file_url(path), **text_file)["s:0"] for _, path in texts]
    named: dict[str, Any] = {**told, "c": "copy", **({"c:s": "mov_text"} if texts else {})}
    before = len(streams) - len(one.sounds) - len(texts)
    for number, (sound, _) in enumerate(one.sounds):
        named |= _named(f"a:{number}", before + number, sound, chosen=number == 0)
    before += len(one.sounds)
    for number, (text, _) in enumerate(texts):
        named |= _named(f"s:{number}", before + number, text, chosen=text.default)
    return ffmpeg.output(*streams, file_url(one.output), **named, movflags="+faststart", f="mp4")


def _named(
    stream: str, position: int, one: SoundRendition | TextRendition, *, chosen: bool
) -> dict[str, str]:
    # ffmpeg-python takes each option once; a stream has two names, so both facts find one.
    told = {f"metadata:s:{stream}": f"handler_name={one.label}"}
    told |= {f"metadata:s:{position}": f"language={one.language}"} if one.language else {}
    return {**told, f"disposition:{stream}": "default" if chosen else "0"}
