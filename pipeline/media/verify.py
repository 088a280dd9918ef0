"""Verify: no output counts as made before it was read back and found to be what was planned."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict

from pipeline.media.boxes import Broken, Track, count_fragments, read_tracks
from pipeline.media.damage import cut_sound
from pipeline.media.errors import MediaError
from pipeline.media.process import Progress, run
from pipeline.media.streams import check_dash, check_hls, playlist_files
from pipeline.plan.holding import OFTEN, is_still, shown_again
from pipeline.plan.names import MPD, playlist, progressive, rendition_step, sound_file
from pipeline.plan.pausing import ticks
from pipeline.plan.reading import streams_argv

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from pipeline.media.tools import Tools
    from pipeline.plan.holding import Again
    from pipeline.plan.plan import Plan
    from pipeline.plan.renditions import SoundRendition, VideoRendition

    Tick = Callable[[Progress], None] | None

#: The least difference of durations that is called one, seconds: timestamps are rounded.
ROUNDING_S = 0.002
#: How many frames' time the last frame may be off: where not every one tells when it is shown, the
#: probe reckons it by how many decoders keep back at the beginning.
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


class _Unlike(Exception):
    """What is in a file is not what was planned; told by whoever knows what people call it."""

    def __init__(self, path: Path, what: str) -> None:
        super().__init__(what)
        self.path, self.what = path, what


def verify_rendition(
    tools: Tools,
    plan: Plan,
    step: str,
    path: Path,
    frames: int | None,
    *,
    tracks: Sequence[Track] | None = None,
    on_tick: Tick = None,
) -> tuple[str, ...]:
    """See that an encoded file is what its step was to make, with `frames` frames if it has any.

    `tracks` are those of a picture's file where they were read before.
    Gives sentences about sound that the source announces but does not hold, where its profile
    salvages. Raises `MediaError` (`verify_failed`) naming what differs, or `damaged`.
    """
    try:
        return _verify_result(tools, plan, step, path, frames, tracks, on_tick)
    except _Unlike as found:
        # The file has a name of ours while it is made, which tells nobody anything.
        raise _differs(f"{step} of {Path(plan.source.path).name}", found.what) from found


def _verify_result(
    tools: Tools,
    plan: Plan,
    step: str,
    path: Path,
    frames: int | None,
    tracks: Sequence[Track] | None,
    on_tick: Tick,
) -> tuple[str, ...]:
    if not path.is_file() or not path.stat().st_size:
        raise _Unlike(path, "nothing was written")
    rendition = next(one for one in plan.renditions if rendition_step(one.name) == step)
    match rendition.kind:
        case "video":
            _verify_opened(tools, rendition, path)
            found = _tracks(path, on_tick) if tracks is None else tracks
            _verify_picture(plan, rendition, path, frames, found)
        case "audio":
            return _verify_sound(tools, plan, rendition, path, on_tick)
        case "text":
            if not path.read_text("utf-8").startswith("WEBVTT"):
                raise _Unlike(path, "it is not WebVTT")
    return ()


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
    try:
        return _verify_folder(tools, plan, inputs, staging, silent, on_tick)
    except _Unlike as found:
        raise _differs(found.path.name, found.what) from found


def _verify_folder(
    tools: Tools,
    plan: Plan,
    inputs: Mapping[str, Path],
    staging: Path,
    silent: Collection[str],
    on_tick: Tick,
) -> list[RenditionFacts]:
    kinds = plan.profile.package
    spoken = [text for text in plan.texts if text.name not in silent]
    if "hls" in kinds:
        check_hls(staging, [one.name for one in plan.streams] + [text.name for text in spoken])
    segments: dict[str, list[Path]] = {}
    if "dash" in kinds:
        folders = [one.folder for one in plan.streams]
        segments = check_dash(staging, [*folders, *(f"{text.folder}-mp4" for text in spoken)])
    counter = partial(_stream_count, staging, plan, segments, on_tick)
    for sound in plan.sounds:
        (encoded,) = _tracks(inputs[rendition_step(sound.name)], on_tick)
        # The priming is left out by the edit list of a whole file, not by that of segments.
        _same_count(sound.name, counter(sound), encoded.count + encoded.hidden)
        if "mp4" in kinds and not plan.videos and sound.codec == plan.profile.audio.codec[0]:
            _verify_sound(tools, plan, sound, staging / sound_file(sound.name), on_tick)
    return [_verify_video(plan, video, inputs, staging, counter, on_tick) for video in plan.videos]


def _stream_count(
    staging: Path,
    plan: Plan,
    segments: Mapping[str, list[Path]],
    on_tick: Tick,
    one: VideoRendition | SoundRendition,
) -> int | None:
    """Count the packets a player gets of one rendition; None when nothing is streamed.

    Each list that names segments is followed; both mostly name the same ones.
    """
    hls = "hls" in plan.profile.package
    listed = playlist_files(staging / playlist(one.name)) if hls else None
    named = segments.get(one.folder)
    if listed and named and listed != named:
        raise _differs(f"stream of {one.name}", "HLS and DASH name different segments")
    files = listed or named
    if files is None:
        return None
    try:
        count = count_fragments(files)
    except Broken as error:
        raise _differs(f"stream of {one.name}", str(error)) from error
    _told(on_tick)
    return count


def _same_count(name: str, streamed: int | None, encoded: int) -> None:
    if streamed is not None and streamed != encoded:
        raise _differs(f"stream of {name}", f"it holds {streamed} packets, not {encoded}")


def _verify_video(
    plan: Plan,
    video: VideoRendition,
    inputs: Mapping[str, Path],
    staging: Path,
    counter: Callable[[VideoRendition], int | None],
    on_tick: Tick,
) -> RenditionFacts:
    kinds = plan.profile.package
    encoded = inputs[rendition_step(video.name)]
    (made,) = _tracks(encoded, on_tick)
    shown, size = playlist(video.name) if "hls" in kinds else MPD, encoded.stat().st_size
    if "mp4" in kinds:
        shown = progressive(video.name)
        size = (staging / shown).stat().st_size
        tracks = _tracks(staging / shown, on_tick)
        _verify_picture(plan, video, staging / shown, made.count, tracks)
        heard = [one for one in plan.sounds if one.codec == plan.profile.audio.codec[0]]
        found = [one for one in tracks if one.kind == "audio"]
        if len(found) != len(heard):
            raise _differs(shown, f"it has {len(found)} sounds, not {len(heard)}")
    _same_count(video.name, counter(video), made.count + made.hidden)
    return RenditionFacts(
        name=video.name,
        width=video.width,
        height=video.height,
        codec=video.codec,
        path=shown,
        frames=made.count,
        duration_s=round(made.end_s - made.first_s, 6),
        bytes=size,
    )


def _verify_opened(tools: Tools, video: VideoRendition, path: Path) -> None:
    """See that a picture is what it was to be once it is opened for decoding.

    An encoder that codes more lines than asked and does not tell to cut them off is found so:
    the file's index repeats what was asked.
    """
    stream = next((one for one in _streams(tools, path) if one["codec_type"] == "video"), None)
    if stream is None:
        raise _Unlike(path, "it has no picture")
    found = (stream["width"], stream["height"], stream["codec_name"])
    _same_picture(path, video, *found)


def _same_picture(path: Path, video: VideoRendition, width: int, height: int, codec: str) -> None:
    if (width, height) != (video.width, video.height):
        raise _Unlike(path, f"it is {width}x{height}, not {video.width}x{video.height}")
    if codec != video.codec:
        raise _Unlike(path, f"it is {codec}, not {video.codec}")


def _verify_picture(
    plan: Plan, video: VideoRendition, path: Path, frames: int | None, tracks: Sequence[Track]
) -> None:
    track = next((one for one in tracks if one.kind == "video"), None)
    if track is None:
        raise _Unlike(path, "it has no picture")
    _same_picture(path, video, track.width, track.height, track.codec)
    if frames is not None and track.count != frames:
        raise _Unlike(path, f"it holds {track.count} frames, not {frames}")
    _verify_span(plan, path, track)


def _verify_span(plan: Plan, path: Path, track: Track) -> None:
    """See that the picture begins at once, and its last frame comes when the source's does."""
    video = plan.source.video
    first_s, last_s = track.first_s, track.last_s
    if abs(first_s) > ROUNDING_S:
        raise _Unlike(path, f"its picture begins at {first_s:.3f} s, not at once")
    again = shown_again(plan)
    if again is not None:
        _verify_shown_again(plan, again, path, track)
    count = track.count - (again.frames if again else 0)
    if video is None or count != video.frames or plan.source.joined or ticks(plan):
        return  # frames were cut, added, or lost in decoding, judged then; or times were moved
    wanted_s = again.last_s if again else video.last_pts_s - plan.source.start_s - plan.start_s
    frame_s = (video.last_pts_s - video.first_pts_s) / max(video.frames - 1, 1)
    if track.count > 1 and abs(last_s - wanted_s) > frame_s * REORDER_FRAMES + ROUNDING_S:
        raise _Unlike(path, f"its last frame comes at {last_s:.3f} s, not {wanted_s:.3f} s")


def _verify_shown_again(plan: Plan, again: Again, path: Path, track: Track) -> None:
    """See that the last frame is shown again as often as planned, and a still at a steady rate."""
    if not is_still(plan):
        if track.count <= again.frames:
            raise _Unlike(path, f"of its {track.count} frames {again.frames} repeat the last")
        return
    shown = again.frames + 1
    if track.count != shown:
        raise _Unlike(path, f"it shows its frame {track.count} times, not {shown}")
    if track.count > 1 and track.apart_s < 1 / OFTEN - ROUNDING_S:
        raise _Unlike(path, f"two of its frames are {track.apart_s:.3f} s apart")


def _verify_sound(
    tools: Tools, plan: Plan, sound: SoundRendition, path: Path, on_tick: Tick
) -> tuple[str, ...]:
    streams = _streams(tools, path)
    found = [
        (str(one["codec_name"]), one.get("channels"))
        for one in streams
        if one["codec_type"] == "audio"
    ]
    if found != [(sound.codec, sound.channels)]:
        raise _Unlike(path, f"it holds {found}, not {sound.channels} channels {sound.codec}")
    heard = next(one for one in _tracks(path, on_tick) if one.kind == "audio")
    if heard.count == 0:
        raise _Unlike(path, "it holds no sound")
    track = next(one for one in plan.source.audio if one.index == sound.index)
    if track.duration_s is None:
        return ()
    ends_s = (track.start_s or 0.0) - plan.source.start_s + track.duration_s
    wanted = min(ends_s, plan.end_s) - plan.start_s
    if heard.end_s < wanted - SOUND_TOLERANCE_S - wanted * 0.01:
        return (cut_sound(plan, sound, heard.end_s, wanted),)
    return ()


def _tracks(path: Path, on_tick: Tick) -> list[Track]:
    try:
        tracks = read_tracks(path)
    except Broken as error:
        raise _Unlike(path, str(error)) from error
    _told(on_tick)
    return tracks


def _told(on_tick: Tick) -> None:
    """Tell that the work moves: reading back the files of a long film takes a while in all."""
    if on_tick is not None:
        on_tick(Progress(moved=True))


def _streams(tools: Tools, path: Path) -> list[dict[str, Any]]:
    done = run(
        streams_argv(tools.ffprobe, path),
        fence=tools.looking(path),
        timeout_s=READ_BACK_TIMEOUT_S,
        keep_output=True,
    )
    streams: list[dict[str, Any]] = json.loads(done.output or b"{}").get("streams", [])
    if done.returncode or not streams:
        raise _Unlike(path, f"it can't be read back: {done.log.strip()[-200:]}")
    return streams


def _differs(name: str, what: str) -> MediaError:
    return MediaError(
        "verify_failed",
        f"The output {name} is not what was planned: {what}.",
        "Please report it with what `reelworks logs` shows.",
    )
