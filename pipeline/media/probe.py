"""Probe: what a source is, and in plain words why it is not one."""

from __future__ import annotations

import json
import logging
from functools import partial
from typing import TYPE_CHECKING, Any

from pipeline.media import content, extent, holes, tracks, webp
from pipeline.media.announced import COUNTED_MISSING_S, cut_short
from pipeline.media.appended import said_of_appended
from pipeline.media.avi import with_pauses
from pipeline.media.damage import SAMPLES, damaged, tolerated_sound_s
from pipeline.media.endings import ENDING, with_true_ends
from pipeline.media.errors import SUPPORTED, MediaError, source_gone
from pipeline.media.fields import with_true_fields
from pipeline.media.light import with_light
from pipeline.media.ogg import with_true_times
from pipeline.media.packets import read_packets
from pipeline.media.process import run
from pipeline.media.refusals import (
    refuse_count,
    refuse_encrypted,
    refuse_frames,
    refuse_large,
    refuse_long,
    refuse_references,
    refuse_scrambled,
    refuse_script,
    refuse_still,
    refuse_streams,
    refuse_unseen,
    truncated,
    undecodable,
    unreadable,
    without_anything,
)
from pipeline.media.tracks import seconds
from pipeline.media.transparency import with_transparency
from pipeline.plan.reading import probe_argv
from pipeline.plan.source import LEAPING, Source

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from pipeline.media.packets import Packets
    from pipeline.media.process import Progress
    from pipeline.media.tools import Tools
    from pipeline.settings.pipeline import Limits

    Tick = Callable[[Progress], None] | None
    Listed = Callable[..., Packets]

logger = logging.getLogger(__name__)

#: How long reading a header may take, seconds: a share may be slow, a header is short.
PROBE_TIMEOUT_S = 120.0
#: How long listing all packets may take, seconds: it reads the whole file.
PACKETS_TIMEOUT_S = 3600.0
#: Less than this in holes is not told: it may be a tag of a kind nobody knows. Seconds.
LEAST_LOST_S = 0.05
#: An Ogg stream that begins later than this, seconds, is told of as if it had begun at once.
LATE_S = 0.1
#: More frames than an AVI of hours has: one made live doesn't know, and says as many as it can.
UNKNOWN_FRAMES = 1 << 30
#: Samples a second from which on an MP3 is MPEG-1, and its frames are whole.
FULL_RATE = 32_000
#: Containers whose streams tell what they are only where they begin.
SCATTERED = frozenset({"mpegts", "mpeg"})
#: Containers that tell when each packet of sound comes, and not only how many came before.
CLOCKED = ("mov", "matroska", "flv", "nut", "asf", "ogg")
#: Says, of what ffprobe told, that it had to look far for it.
FAR = "far"
#: Raw streams of sound, which say nothing of it.
GUESSED = frozenset({"aac", "ac3", "eac3", "dts", "truehd", "amr"})


def probe(
    tools: Tools, path: Path, limits: Limits, *, salvage: bool = False, on_tick: Tick = None
) -> Source:
    """Read what the file is; with `salvage`, one that breaks off is read as far as it goes.

    `on_tick` is called about every second meanwhile.

    Raises `MediaError`: `source_gone`, `empty`, `not_media`, `refused_format`, `still_image`,
    `truncated`, `unreadable`, `encrypted`, `too_large`, `too_long`, `too_costly`,
    `output_too_long`; `TransientMediaError`: `timeout`, `stalled`.
    """
    size = _size(path)
    refuse_script(path)
    told = _ask(tools, path, limits, on_tick)
    refuse_count(path, len(told["streams"]), limits)
    refuse_encrypted(path, told)
    refuse_references(path, told)
    picture = tracks.chosen_video(told)
    chosen = picture or tracks.chosen_audio(told)
    refuse_scrambled(path, told, chosen)
    if picture is None:
        _refuse_blind(tools, path, told, on_tick)
    if chosen is None:
        raise without_anything(path)
    refuse_still(path, told["format"])
    if picture is not None:
        refuse_large(path, int(picture["width"]), int(picture["height"]), limits)
    listed = partial(_listed, tools, path, told, on_tick)
    packets = _packets(path, told, chosen, listed)
    if packets.count == 0:
        kind = "a picture" if picture is not None else "sound"
        raise truncated(path, f"it announces {kind}, but holds nothing of it")
    refuse_frames(path, packets.count, limits)
    hole = "" if picture is not None else _hole(path, told, packets, salvage=salvage)
    missing, ends_s = cut_short(path, told, chosen, packets, listed)
    if missing and not salvage:
        raise truncated(path, missing)
    if picture is not None:
        told = with_true_ends(told, packets, listed)
    source = _source(path, size, told, picture, packets)
    if ends_s is not None:
        source = source.model_copy(update={"duration_s": ends_s - source.start_s})
    said = [hole] if hole else [f"the file is incomplete: {missing}"] if missing else []
    said += said_of_appended(path, source.container, packets, film=picture is not None)
    if said:
        source = source.model_copy(update={"left_out": (*source.left_out, *said)})
    refuse_large(path, source.display_width, source.display_height, limits)
    refuse_long(path, source, limits)
    source = with_transparency(tools, source)
    source = with_true_fields(tools, source, on_tick=on_tick)
    return with_light(tools, source, on_tick=on_tick)


def _size(path: Path) -> int:
    try:
        size = path.stat().st_size
        regular = path.is_file()
    except OSError as error:
        raise source_gone(str(path)) from error
    if not regular:
        raise MediaError("not_media", f"{path.name} is not a file.", SUPPORTED)
    if size == 0:
        raise MediaError(
            "empty", f"{path.name} is empty: it has 0 bytes.", "Copy it again from its origin."
        )
    return size


def _ask(
    tools: Tools, path: Path, limits: Limits, on_tick: Tick, *, far: bool = False
) -> dict[str, Any]:
    most = {"max_pixels": limits.max_pixels, "max_streams": limits.max_streams}
    argv = probe_argv(tools.ffprobe, path, **most, far=far)
    fence = tools.looking(path, cpu_s=PROBE_TIMEOUT_S)
    done = run(argv, fence=fence, timeout_s=PROBE_TIMEOUT_S, on_tick=on_tick, keep_output=True)
    refuse_streams(path, done.log, limits)
    told = _parsed(done.output)
    refuse_unseen(path, told, done.log)
    if not done.returncode and told.get("streams"):
        later = None if far else _seen_later(tools, path, told, limits, on_tick)
        return later or _without_guesses(path, told)
    reason = unreadable(path, done, fence)
    moving = webp.animation(path) if reason.code == "still_image" else None
    if moving is None:
        raise reason
    return moving.told()


def _seen_later(
    tools: Tools, path: Path, told: dict[str, Any], limits: Limits, on_tick: Tick
) -> dict[str, Any] | None:
    """Look further into a broadcast for what it announces; None where that finds nothing more.

    What was seen first will do where that look fails.
    """
    if told["format"].get("format_name") not in SCATTERED or not _unseen(told):
        return None
    try:
        again = _ask(tools, path, limits, on_tick, far=True)
    except MediaError as error:
        logger.info("%s is used as far as it was seen at first: %s", path.name, error)
        return None
    return {**again, FAR: True} if _seen(told) < _seen(again) else None


def _unseen(told: dict[str, Any]) -> list[dict[str, Any]]:
    """List the pictures and sounds of which nothing was seen yet."""
    return [*tracks.unseen_videos(told), *tracks.unheard_audio(told)]


def _seen(told: dict[str, Any]) -> set[Any]:
    """Give the numbers in the broadcast of the streams of which something was seen."""
    unseen = _unseen(told)
    return {one.get("id", one["index"]) for one in told["streams"] if one not in unseen}


def _refuse_blind(tools: Tools, path: Path, told: dict[str, Any], on_tick: Tick) -> None:
    """Refuse a film whose picture nobody can decode: its sound alone is not what is expected of it.

    Where only the place of a picture is kept, as radio does in broadcasts, there is only sound.
    """
    for stream in tracks.unseen_videos(told):
        if _listed(tools, path, told, on_tick, stream).count:
            raise undecodable(path, str(stream.get("codec_name", "unknown")))


def _parsed(output: bytes) -> dict[str, Any]:
    """Read what ffprobe printed; one that crashed over the file stopped in the midst of it."""
    try:
        told: dict[str, Any] = json.loads(output or b"{}")
    except ValueError:
        return {}
    return told


def _without_guesses(path: Path, told: dict[str, Any]) -> dict[str, Any]:
    """Leave out durations that ffprobe guessed from the size and the first frames' bit rate."""
    name = told["format"].get("format_name")
    guessed = (
        name in GUESSED
        or (name == "mp3" and not _agrees(told, content.counted_frames(path)))
        or (str(name).startswith("matroska") and not extent.tells_duration(path))
        or (name == "avi" and any(_uncounted(stream) for stream in told["streams"]))
        or (name == "ogg" and any(_late(stream) for stream in told["streams"]))
    )
    if guessed:
        for part in (told["format"], *told["streams"]):
            part.pop("duration", None)
            part.pop("nb_frames", None)
    if name == "asf":
        _unstretched(told)
    if str(name).startswith(ENDING):
        for stream in told["streams"]:
            stream.pop("duration", None)
    return told


def _agrees(told: dict[str, Any], frames: int) -> bool:
    """Whether an MP3 lasts as long as it has frames by its first one: that of joined ones lies."""
    sound = tracks.chosen_audio(told) or {}
    rate, told_s = int(sound.get("sample_rate") or 0), seconds(told["format"].get("duration")) or 0
    samples = SAMPLES["mp3"] if rate >= FULL_RATE else SAMPLES["mp3"] // 2
    return bool(rate) and abs(frames * samples / rate - told_s) <= COUNTED_MISSING_S


def _unstretched(told: dict[str, Any]) -> None:
    """Let an ASF end when it says.

    ffprobe takes that for the length of each stream, and so makes a file longer by what one begins
    later.
    """
    found = [seconds(stream.get("duration")) for stream in told["streams"]]
    ends_s = max((one for one in found if one is not None), default=None)
    if ends_s is not None:
        told["format"]["duration"] = f"{ends_s:.6f}"


def _late(stream: dict[str, Any]) -> bool:
    return (seconds(stream.get("start_time")) or 0.0) > LATE_S


def _uncounted(stream: dict[str, Any]) -> bool:
    """Whether an AVI was made live, and never learnt how many frames it has."""
    return int(stream.get("nb_frames") or 0) >= UNKNOWN_FRAMES


def _packets(path: Path, told: dict[str, Any], chosen: dict[str, Any], listed: Listed) -> Packets:
    name = str(told["format"].get("format_name"))
    moving = webp.animation(path) if name == webp.NAME else None
    if moving is not None:
        return moving.packets()
    heard = tracks.heard_audio(told) if name.startswith(CLOCKED) else []
    return listed(chosen, heard=[one["index"] for one in heard])


def _listed(
    tools: Tools,
    path: Path,
    told: dict[str, Any],
    on_tick: Tick,
    one: dict[str, Any],
    *,
    heard: Sequence[int] = (),
) -> Packets:
    container = str(told["format"].get("format_name"))
    return read_packets(
        *(tools, path, str(one["index"]), container),
        largest=holes.LARGEST.get(container, 0),
        heard=heard,
        far=FAR in told,
        timeout_s=PACKETS_TIMEOUT_S,
        on_tick=on_tick,
    )


def _hole(path: Path, told: dict[str, Any], packets: Packets, *, salvage: bool) -> str:
    """Say how much of a sound lies in holes; "" for nothing. Raises `MediaError` (`damaged`)."""
    lost_s = holes.lost_seconds(path, told, packets)
    whole_s = packets.length_s - packets.gap_s + lost_s
    what = f"about {lost_s:.1f} of its {whole_s:.1f} seconds of sound"
    if lost_s > tolerated_sound_s(whole_s):
        if salvage:
            return f"the source is damaged: {what} are lost"
        raise damaged(path.name, f"{what} can't be read")
    return f"{what} could not be read" if lost_s > LEAST_LOST_S else ""


def _source(
    path: Path, size: int, told: dict[str, Any], picture: dict[str, Any] | None, packets: Packets
) -> Source:
    container = told["format"]
    name = str(container.get("format_name", "unknown"))
    start_s = seconds(container.get("start_time")) or 0.0
    duration_s = _duration(name, container, packets, start_s)
    audio = tracks.audio_of(told, packets, joined=bool(packets.jumps) and name in LEAPING)
    video = picture and tracks.video_of(
        picture,
        packets,
        captions=content.has_captions(path),
        start_s=start_s,
        container=name,
    )
    if name == "avi":
        audio = with_pauses(path, audio, duration_s, video.delay_s if video else 0.0)
        duration_s -= (packets.last_s or 0.0) - video.last_pts_s if video else 0.0
    if name == "ogg" and video is not None and not packets.jumps:
        audio = with_true_times(path, audio, packets)
    return Source(
        path=str(path),
        bytes=size,
        container=name,
        duration_s=duration_s,
        start_s=start_s,
        video=video,
        audio=audio,
        texts=tracks.texts_of(told),
        chapters=tracks.chapters_of(told, start_s),
        cover=tracks.cover_of(told),
        far=FAR in told,
        left_out=tracks.left_out(told, None if picture is None else picture["index"]),
    )


def _duration(name: str, container: dict[str, Any], packets: Packets, start_s: float) -> float:
    """Take the longer of what the container says, if it says anything, and what is in it."""
    told_s = seconds(container.get("duration")) or 0.0
    if name.startswith(ENDING):
        told_s -= start_s
    if packets.jumps and name in LEAPING:
        return max(told_s, packets.length_s)  # it knew the first part only
    return max(told_s, (packets.end_s or 0.0) - min(packets.first_s or 0.0, start_s))
