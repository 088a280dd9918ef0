"""Verify: no output counts as made before it was read back and found to be what was planned."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict

from pipeline.media.errors import MediaError
from pipeline.media.packets import Packets, read_joined_packets, read_packets
from pipeline.media.process import run
from pipeline.media.streams import check_dash, check_hls, playlist_files
from pipeline.plan.names import MPD, playlist, progressive, rendition_step, sound_file
from pipeline.plan.reading import file_url, streams_argv

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from pipeline.media.process import Progress
    from pipeline.media.tools import Tools
    from pipeline.plan.plan import Plan
    from pipeline.plan.renditions import SoundRendition, VideoRendition

    Tick = Callable[[Progress], None] | None

#: The least difference of durations that is called one, seconds: timestamps are rounded.
ROUNDING_S = 0.002
#: How many frames' time the last frame may be off. Where a container stores only the order of
#: decoding (AVI), the probe can't know by how much B-frames delay the picture.
REORDER_FRAMES = 3
#: How much shorter or longer than its track encoded sound may be, seconds: the encoder works in
#: frames of 1024 samples and adds priming; a track's stated duration is often rounded.
SOUND_TOLERANCE_S = 0.5
#: What reading an output's header back may take, seconds: a share may be slow.
READ_BACK_TIMEOUT_S = 120.0


class RenditionFacts(BaseModel):
    """What a rendition was found to be. `path` is relative to the output folder."""

    model_config = ConfigDict(frozen=True)

    name: str
    width: int
    height: int
    codec: str
    path: str
    frames: int
    duration_s: float
    bytes: int


def verify_rendition(
    tools: Tools, plan: Plan, step: str, path: Path, frames: int | None, *, on_tick: Tick = None
) -> None:
    """See that an encoded file is what its step was to make, with `frames` frames if it has any.

    Raises `MediaError` (`verify_failed`) naming what differs.
    """
    if not path.is_file() or not path.stat().st_size:
        raise _differs(step, "nothing was written")
    rendition = next(one for one in plan.renditions if rendition_step(one.name) == step)
    match rendition.kind:
        case "video":
            _verify_picture(tools, plan, rendition, path, frames, on_tick)
        case "audio":
            _verify_sound(tools, plan, rendition, path, on_tick)
        case "text":
            if not path.read_text("utf-8").startswith("WEBVTT"):
                raise _differs(path.name, "it is not WebVTT")


def verify_output(
    tools: Tools,
    plan: Plan,
    inputs: Mapping[str, Path],
    staging: Path,
    *,
    silent: Collection[str] = (),
    on_tick: Tick = None,
) -> list[RenditionFacts]:
    """See that everything in a built output folder is there, whole, and has every frame.

    `silent` names the texts that say nothing. Raises `MediaError` (`verify_failed`) naming what
    differs.
    """
    kinds = plan.profile.package
    spoken = [text for text in plan.texts if text.name not in silent]
    if "hls" in kinds:
        check_hls(staging, [one.name for one in plan.streams] + [text.name for text in spoken])
    segments: dict[str, list[Path]] = {}
    if "dash" in kinds:
        folders = [one.folder for one in plan.streams]
        segments = check_dash(staging, [*folders, *(f"{text.folder}-mp4" for text in spoken)])
    counter = partial(_stream_count, tools, staging, plan, segments, on_tick)
    for sound in plan.sounds:
        path = inputs[rendition_step(sound.name)]
        encoded = read_packets(tools, path, "a:0", fenced=False, on_tick=on_tick)
        # The priming is left out by the edit list of a whole file, not by that of segments.
        _same_count(sound.name, counter(sound), encoded.count + encoded.hidden)
        if "mp4" in kinds and not plan.videos and sound.codec == plan.profile.audio.codec[0]:
            _verify_sound(tools, plan, sound, staging / sound_file(sound.name), on_tick)
    return [
        _verify_video(tools, plan, video, inputs, staging, counter, on_tick)
        for video in plan.videos
    ]


def _stream_count(
    tools: Tools,
    staging: Path,
    plan: Plan,
    segments: Mapping[str, list[Path]],
    on_tick: Tick,
    one: VideoRendition | SoundRendition,
) -> int | None:
    """Count the packets a player gets of one rendition; None when nothing is streamed.

    HLS and DASH share their segments: they are counted as HLS where there is HLS, because ffprobe
    reads that as a player does, and as one file after the other where there is only DASH, or a key
    that ffprobe is not given would be needed.
    """
    hls, encrypted = "hls" in plan.profile.package, plan.profile.encryption is not None
    if hls and not encrypted:
        read = read_packets(tools, staging / playlist(one.name), "0", fenced=False, on_tick=on_tick)
        return read.count + read.hidden
    files = playlist_files(staging / playlist(one.name)) if hls else segments.get(one.folder)
    if files is None:
        return None
    with NamedTemporaryFile("w", suffix=".txt", encoding="utf-8") as listing:
        listing.write("".join(f"{file_url(file)}\n" for file in files))
        listing.flush()
        read = read_joined_packets(tools, Path(listing.name), files, on_tick=on_tick)
        return read.count + read.hidden


def _same_count(name: str, streamed: int | None, encoded: int) -> None:
    if streamed is not None and streamed != encoded:
        raise _differs(f"stream of {name}", f"it holds {streamed} packets, not {encoded}")


def _verify_video(
    tools: Tools,
    plan: Plan,
    video: VideoRendition,
    inputs: Mapping[str, Path],
    staging: Path,
    counter: Callable[[VideoRendition], int | None],
    on_tick: Tick,
) -> RenditionFacts:
    kinds = plan.profile.package
    encoded = inputs[rendition_step(video.name)]
    packets = read_packets(tools, encoded, "v:0", fenced=False, on_tick=on_tick)
    shown, size = playlist(video.name) if "hls" in kinds else MPD, encoded.stat().st_size
    if "mp4" in kinds:
        shown = progressive(video.name)
        size = (staging / shown).stat().st_size
        _verify_picture(tools, plan, video, staging / shown, packets.count, on_tick)
        heard = [one for one in plan.sounds if one.codec == plan.profile.audio.codec[0]]
        found = [one for one in _streams(tools, staging / shown) if one["codec_type"] == "audio"]
        if len(found) != len(heard):
            raise _differs(shown, f"it has {len(found)} sounds, not {len(heard)}")
    _same_count(video.name, counter(video), packets.count)
    return RenditionFacts(
        name=video.name,
        width=video.width,
        height=video.height,
        codec=video.codec,
        path=shown,
        frames=packets.count,
        duration_s=round((packets.end_s or 0.0) - (packets.first_s or 0.0), 6),
        bytes=size,
    )


def _verify_picture(
    tools: Tools,
    plan: Plan,
    video: VideoRendition,
    path: Path,
    frames: int | None,
    on_tick: Tick,
) -> None:
    stream = next((one for one in _streams(tools, path) if one["codec_type"] == "video"), None)
    if stream is None:
        raise _differs(path.name, "it has no picture")
    size = (stream["width"], stream["height"])
    if size != (video.width, video.height):
        raise _differs(path.name, f"it is {size[0]}x{size[1]}, not {video.width}x{video.height}")
    if stream["codec_name"] != video.codec:
        raise _differs(path.name, f"it is {stream['codec_name']}, not {video.codec}")
    packets = read_packets(tools, path, "v:0", fenced=False, on_tick=on_tick)
    if frames is not None and packets.count != frames:
        raise _differs(path.name, f"it holds {packets.count} frames, not {frames}")
    _verify_span(plan, path, packets)


def _verify_span(plan: Plan, path: Path, packets: Packets) -> None:
    """See that the picture begins at once, and its last frame comes when the source's does."""
    video = plan.source.video
    first_s, last_s = packets.first_s or 0.0, packets.last_s or 0.0
    if abs(first_s) > ROUNDING_S:
        raise _differs(path.name, f"its picture begins at {first_s:.3f} s, not at once")
    if video is None or packets.count != video.frames or plan.source.joined:
        return  # frames were cut, or lost in decoding, which was judged then; or times were moved
    wanted_s = video.last_pts_s - plan.source.start_s
    frame_s = (video.last_pts_s - video.first_pts_s) / max(video.frames - 1, 1)
    if packets.count > 1 and abs(last_s - wanted_s) > frame_s * REORDER_FRAMES + ROUNDING_S:
        raise _differs(path.name, f"its last frame comes at {last_s:.3f} s, not {wanted_s:.3f} s")


def _verify_sound(
    tools: Tools, plan: Plan, sound: SoundRendition, path: Path, on_tick: Tick
) -> None:
    streams = _streams(tools, path)
    found = [
        (str(one["codec_name"]), one.get("channels"))
        for one in streams
        if one["codec_type"] == "audio"
    ]
    if found != [(sound.codec, sound.channels)]:
        raise _differs(path.name, f"it holds {found}, not {sound.channels} channels {sound.codec}")
    packets = read_packets(tools, path, "a:0", fenced=False, on_tick=on_tick)
    if packets.count == 0:
        raise _differs(path.name, "it holds no sound")
    track = next(one for one in plan.source.audio if one.index == sound.index)
    if track.duration_s is None:
        return
    ends_s = (track.start_s or 0.0) - plan.source.start_s + track.duration_s
    wanted = min(ends_s, plan.end_s) - plan.start_s
    found_s = packets.end_s or 0.0
    if found_s < wanted - SOUND_TOLERANCE_S - wanted * 0.01:
        raise _differs(path.name, f"its sound ends at {found_s:.2f} s, not at {wanted:.2f} s")


def _streams(tools: Tools, path: Path) -> list[dict[str, Any]]:
    done = run(
        streams_argv(tools.ffprobe, path),
        fence=tools.looking(path),
        timeout_s=READ_BACK_TIMEOUT_S,
        keep_output=True,
    )
    streams: list[dict[str, Any]] = json.loads(done.output or b"{}").get("streams", [])
    if done.returncode or not streams:
        raise _differs(path.name, f"it can't be read back: {done.log.strip()[-200:]}")
    return streams


def _differs(name: str, what: str) -> MediaError:
    return MediaError(
        "verify_failed",
        f"The output {name} is not what was planned: {what}.",
        "Please report it with what `reelworks logs` shows.",
    )
