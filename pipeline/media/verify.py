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
from pipeline.media.streams import check_dash, check_hls
from pipeline.plan.names import (
    AUDIO_STEP,
    MPD,
    playlist,
    progressive,
    rendition_step,
    segment_folder,
)
from pipeline.plan.reading import file_url, streams_argv

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pipeline.media.process import Progress
    from pipeline.media.tools import Tools
    from pipeline.plan.ladder import Rung
    from pipeline.plan.plan import Plan

    Tick = Callable[[Progress], None] | None

#: The least difference of durations that is called one, seconds: timestamps are rounded.
ROUNDING_S = 0.002
#: How many frames' time the last frame may be off. Where a container stores only the order of
#: decoding (AVI), the probe can't know by how much B-frames delay the picture.
REORDER_FRAMES = 3
#: How much shorter or longer than its track encoded sound may be, seconds: the encoder works in
#: frames of 1024 samples and adds priming; a track's stated duration is often rounded.
SOUND_TOLERANCE_S = 0.5


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
    if step == AUDIO_STEP:
        _verify_sound(tools, plan, path, on_tick)
        return
    rung = next(rung for rung in plan.rungs if rendition_step(rung.name) == step)
    _verify_picture(tools, plan, rung, path, frames, on_tick)


def verify_output(
    tools: Tools, plan: Plan, inputs: Mapping[str, Path], staging: Path, *, on_tick: Tick = None
) -> list[RenditionFacts]:
    """See that everything in a built output folder is there, whole, and has every frame.

    Raises `MediaError` (`verify_failed`) naming what differs.
    """
    kinds = plan.profile.package
    names, sound = [rung.name for rung in plan.rungs], plan.audio is not None
    if "hls" in kinds:
        check_hls(staging, names, sound=sound)
    segments = check_dash(staging, names, sound=sound) if "dash" in kinds else {}
    counter = partial(_stream_count, tools, staging, kinds, segments, on_tick)
    if plan.audio is not None:
        encoded = read_packets(tools, inputs[AUDIO_STEP], "a:0", fenced=False, on_tick=on_tick)
        # The priming is left out by the edit list of a whole file, not by that of segments.
        _same_count("audio", counter("audio"), encoded.count + encoded.hidden)
    return [
        _verify_rung(tools, plan, rung, inputs, staging, counter, on_tick) for rung in plan.rungs
    ]


def _stream_count(
    tools: Tools,
    staging: Path,
    kinds: tuple[str, ...],
    segments: Mapping[str, list[Path]],
    on_tick: Tick,
    name: str,
) -> int | None:
    """Count the packets a player gets of one rendition; None when nothing is streamed.

    HLS and DASH share their segments: they are counted as HLS where there is HLS, because ffprobe
    reads that as a player does, and as one file after the other where there is only DASH.
    """
    if "hls" in kinds:
        read = read_packets(tools, staging / playlist(name), "0", fenced=False, on_tick=on_tick)
        return read.count + read.hidden
    files = segments.get(segment_folder(name)) or segments.get(name)
    if files is None:
        return None
    with NamedTemporaryFile("w", suffix=".txt", encoding="utf-8") as listing:
        listing.write("".join(f"{file_url(file)}\n" for file in files))
        listing.flush()
        read = read_joined_packets(tools, Path(listing.name), on_tick=on_tick)
        return read.count + read.hidden


def _same_count(name: str, streamed: int | None, encoded: int) -> None:
    if streamed is not None and streamed != encoded:
        raise _differs(f"stream of {name}", f"it holds {streamed} packets, not {encoded}")


def _verify_rung(
    tools: Tools,
    plan: Plan,
    rung: Rung,
    inputs: Mapping[str, Path],
    staging: Path,
    counter: Callable[[str], int | None],
    on_tick: Tick,
) -> RenditionFacts:
    kinds = plan.profile.package
    encoded = inputs[rendition_step(rung.name)]
    packets = read_packets(tools, encoded, "v:0", fenced=False, on_tick=on_tick)
    shown, size = playlist(rung.name) if "hls" in kinds else MPD, encoded.stat().st_size
    if "mp4" in kinds:
        shown = progressive(rung.name)
        size = (staging / shown).stat().st_size
        _verify_picture(tools, plan, rung, staging / shown, packets.count, on_tick)
        if plan.audio is not None and plan.profile.audio.codec not in _codecs(
            tools, staging / shown
        ):
            raise _differs(shown, "it has no sound")
    _same_count(rung.name, counter(rung.name), packets.count)
    return RenditionFacts(
        name=rung.name,
        width=rung.width,
        height=rung.height,
        codec=plan.profile.video.codec,
        path=shown,
        frames=packets.count,
        duration_s=round((packets.end_s or 0.0) - (packets.first_s or 0.0), 6),
        bytes=size,
    )


def _verify_picture(
    tools: Tools, plan: Plan, rung: Rung, path: Path, frames: int | None, on_tick: Tick
) -> None:
    stream = next((one for one in _streams(tools, path) if one["codec_type"] == "video"), None)
    if stream is None:
        raise _differs(path.name, "it has no picture")
    size = (stream["width"], stream["height"])
    if size != (rung.width, rung.height):
        raise _differs(path.name, f"it is {size[0]}x{size[1]}, not {rung.width}x{rung.height}")
    if stream["codec_name"] != plan.profile.video.codec:
        raise _differs(path.name, f"it is {stream['codec_name']}, not {plan.profile.video.codec}")
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
        return  # frames were lost in decoding, which was judged then; or times were moved
    wanted_s = video.last_pts_s - plan.source.start_s
    frame_s = (video.last_pts_s - video.first_pts_s) / max(video.frames - 1, 1)
    if packets.count > 1 and abs(last_s - wanted_s) > frame_s * REORDER_FRAMES + ROUNDING_S:
        raise _differs(path.name, f"its last frame comes at {last_s:.3f} s, not {wanted_s:.3f} s")


def _verify_sound(tools: Tools, plan: Plan, path: Path, on_tick: Tick) -> None:
    if _codecs(tools, path) != [plan.profile.audio.codec]:
        raise _differs(path.name, f"it is not just {plan.profile.audio.codec} sound")
    packets = read_packets(tools, path, "a:0", fenced=False, on_tick=on_tick)
    if packets.count == 0:
        raise _differs(path.name, "it holds no sound")
    track = plan.audio
    if track is None or track.duration_s is None:
        return
    wanted = (track.start_s or 0.0) - plan.source.start_s + track.duration_s
    found = packets.end_s or 0.0
    if found < wanted - SOUND_TOLERANCE_S - wanted * 0.01:
        raise _differs(path.name, f"its sound ends at {found:.2f} s, not at {wanted:.2f} s")


def _codecs(tools: Tools, path: Path) -> list[str]:
    return [str(stream["codec_name"]) for stream in _streams(tools, path)]


def _streams(tools: Tools, path: Path) -> list[dict[str, Any]]:
    done = run(streams_argv(tools.ffprobe, path), keep_output=True)
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
