"""Tracks: ffprobe's JSON of one file as facts, and what of it is left out."""

from __future__ import annotations

import re
from fractions import Fraction
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from pipeline.media.damage import SAMPLES
from pipeline.plan.colour import see_through
from pipeline.plan.frame_rate import frame_rate, steady
from pipeline.plan.jitter import comes_in_bursts, jitter
from pipeline.plan.source import AudioStream, Chapter, TextStream, VideoStream
from pipeline.settings.languages import three_letters

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pipeline.media.packets import Packets

#: Subtitles that are words, and that ffmpeg reads.
TEXT_CODECS = frozenset(
    {
        *("subrip", "srt", "ass", "ssa", "mov_text", "webvtt", "text", "eia_608", "subviewer"),
        *(
            "subviewer1",
            "microdvd",
            "mpl2",
            "jacosub",
            "sami",
            "realtext",
            "stl",
        ),
    }
)
#: Containers that may tell only when pictures are decoded: AVI, and Matroska that was made of one.
#: Their players show the first frame when it is decoded, and each further one as much earlier.
DECODING = ("avi", "matroska")
#: Containers whose frames follow each other without a gap (MXF, SMPTE ST 377-1: edit units), which
#: may say of each that it is shown when it is decoded.
BY_FRAME = frozenset({"mxf"})
#: How many times the frames that are there a file may tell of; those of a slideshow are few.
ABSURD_RATE = 100
#: A track's tag that tells how long it is, in hours, minutes, seconds; a language may follow it.
OWN_DURATION, _CLOCK = "DURATION", re.compile(r"(\d+):(\d\d):(\d\d(?:\.\d+)?)")
EDGES = ("left", "right", "top", "bottom")
#: Subtitles that are pictures.
DRAWN_CODECS = frozenset({"hdmv_pgs_subtitle", "dvd_subtitle", "dvb_subtitle", "xsub"})


def chosen_video(told: dict[str, Any]) -> dict[str, Any] | None:
    """Choose the picture: the default one, else the first; cover art is none."""
    shown = [stream for stream in _of(told, "video") if not _cover(stream) and _sized(stream)]
    marked = [stream for stream in shown if stream.get("disposition", {}).get("default")]
    return next(iter([*marked, *shown]), None)


def unseen_videos(told: dict[str, Any]) -> list[dict[str, Any]]:
    """List the pictures of which not even the size could be read."""
    return [one for one in _of(told, "video") if not _cover(one) and not _sized(one)]


def unheard_audio(told: dict[str, Any]) -> list[dict[str, Any]]:
    """List the sounds of which not even the channels could be read."""
    return [one for one in _of(told, "audio") if not _told_channels(one)]


def heard_audio(told: dict[str, Any]) -> list[dict[str, Any]]:
    """List the sounds that can be decoded, as far as anything tells."""
    return [one for one in _of(told, "audio") if _told_channels(one)]


def chosen_audio(told: dict[str, Any]) -> dict[str, Any] | None:
    """Choose the sound that says how long a file without a picture is."""
    heard = heard_audio(told)
    marked = [stream for stream in heard if stream.get("disposition", {}).get("default")]
    return next(iter([*marked, *heard]), None)


def video_of(
    stream: dict[str, Any],
    packets: Packets,
    *,
    captions: bool,
    start_s: float = 0.0,
    container: str = "",
) -> VideoStream:
    """Read the picture's facts; `captions` lie in it, and its file's clock starts at `start_s`."""
    steadily = steady(packets.shown_s)
    delay_s, waits_s = _delay_s(stream, packets) if container.startswith(DECODING) else (0.0, 0.0)
    width, height = _cropped(stream)
    return VideoStream(
        index=stream["index"],
        codec=str(stream.get("codec_name", "unknown")),
        width=width,
        height=height,
        sar=ratio(stream.get("sample_aspect_ratio")) or Fraction(1),
        rotation=_rotation(stream),
        mirrored=_mirrored(stream),
        pix_fmt=stream.get("pix_fmt"),
        average_rate=_average_rate(stream, packets),
        nominal_rate=ratio(stream.get("r_frame_rate")),
        field_order=stream.get("field_order"),
        color_transfer=stream.get("color_transfer"),
        color_primaries=stream.get("color_primaries"),
        color_space=stream.get("color_space"),
        color_range=stream.get("color_range"),
        frames=packets.count,
        first_pts_s=packets.first_s or 0.0,
        last_pts_s=(packets.last_s or 0.0) - waits_s,
        over_s=packets.end_s if packets.repeats else None,
        jumps=packets.jumps,
        missing=packets.missing,
        key_frames=packets.key_frames,
        leading=packets.leading if packets.key_frames else 0,
        transparent=_transparent(stream),
        steady_rate=steadily and steadily.rate,
        longest_s=max(_steps_s(packets.shown_s), default=0.0),
        unsteady_s=steadily.off_s + _moved_s(stream, start_s) if steadily else 0.0,
        delay_s=delay_s,
        each_s=_each_s(stream, packets) if container in BY_FRAME else None,
        captions=captions,
    )


def _delay_s(stream: dict[str, Any], packets: Packets) -> tuple[float, float]:
    """Tell how much later frames come out of the decoder than they are shown, seconds.

    The first does once as many more went in as it keeps back. Those may not come one by one: the
    second number is how much of it is that, and not kept back.
    """
    before, rate = _kept_back(stream), ratio(stream.get("r_frame_rate"))
    if not 0 < before < len(packets.decoded_s):
        return 0.0, 0.0
    delay_s = packets.decoded_s[before] - packets.decoded_s[0]
    return delay_s, max(delay_s - float(before / rate), 0.0) if rate else 0.0


def _each_s(stream: dict[str, Any], packets: Packets) -> float | None:
    """Tell how long each frame is, where its decoder keeps some back and nobody tells of it."""
    if not _kept_back(stream) or not packets.in_order or packets.count < 2:  # noqa: PLR2004
        return None
    return ((packets.last_s or 0.0) - (packets.first_s or 0.0)) / (packets.count - 1)


def _kept_back(stream: dict[str, Any]) -> int:
    return int(stream.get("has_b_frames") or 0)


def _average_rate(stream: dict[str, Any], packets: Packets) -> Fraction | None:
    """Read frames a second; what is far above those that are there is a mistake (DV tells 60000).

    Of pictures that are kept field by field there are twice as many packets as frames.
    """
    told = ratio(stream.get("avg_frame_rate"))
    there = frame_rate(packets.count, packets.first_s, packets.last_s)
    return there if told and there and told > there * ABSURD_RATE else told


def _steps_s(shown_s: Sequence[float]) -> Iterator[float]:
    return (after - before for before, after in pairwise(sorted(shown_s)))


def _moved_s(stream: dict[str, Any], start_s: float) -> float:
    """Tell by how much ffmpeg rounds when it lets a stream's clock count from the file's start."""
    tick_s = float(ratio(stream.get("time_base")) or 0)
    return abs(start_s - round(start_s / tick_s) * tick_s) if tick_s else 0.0


def audio_of(
    told: dict[str, Any], packets: Packets, *, joined: bool = False
) -> tuple[AudioStream, ...]:
    """Read the facts of every track that has channels; `packets` may tell when its own come.

    Of recordings that were joined the last timestamp does not tell how long a track lasts.
    """
    return tuple(
        AudioStream(
            index=stream["index"],
            codec=str(stream.get("codec_name", "unknown")),
            channels=int(stream["channels"]),
            sample_rate=int(stream.get("sample_rate") or 48_000),
            channel_layout=stream.get("channel_layout"),
            language=_language(stream),
            title=_title(stream),
            default=bool(stream.get("disposition", {}).get("default")),
            start_s=seconds(stream.get("start_time")),
            duration_s=None if joined else seconds(stream.get("duration")),
            **_off(stream, packets),
        )
        for stream in heard_audio(told)
    )


def _off(stream: dict[str, Any], packets: Packets) -> dict[str, Any]:
    rate = max(int(stream.get("sample_rate") or 0), 1)  # one that can't be decoded may have none
    padding_s = max(int(stream.get("initial_padding") or 0), 0) / rate
    heard_s = packets.heard_s.get(stream["index"], ())
    found = jitter(heard_s, padding_s)
    if found is None:
        return {}
    told = {"jitter_s": found.apart_s, "early_s": found.early_s}
    samples = SAMPLES.get(str(stream.get("codec_name")))
    if samples is None:
        return told
    # At half the rate MP3 has half as many, and HE-AAC counts two for one.
    near = min(
        (samples / 2, samples, samples * 2), key=lambda one: abs(one - _mean(heard_s) * rate)
    )
    return {**told, "in_row": comes_in_bursts(heard_s, near / rate)}


def _mean(at_s: Sequence[float]) -> float:
    return (at_s[-1] - at_s[0]) / max(len(at_s) - 1, 1)


def texts_of(told: dict[str, Any]) -> tuple[TextStream, ...]:
    """Read the facts of every track of subtitles that are words."""
    return tuple(
        TextStream(
            index=stream["index"],
            codec=str(stream["codec_name"]),
            language=_language(stream),
            title=_title(stream),
            default=bool(stream.get("disposition", {}).get("default")),
            forced=bool(stream.get("disposition", {}).get("forced")),
        )
        for stream in _of(told, "subtitle")
        if stream.get("codec_name") in TEXT_CODECS
    )


def chapters_of(told: dict[str, Any], start_s: float) -> tuple[Chapter, ...]:
    """Read the chapters, on a clock that begins with the file."""
    return tuple(
        Chapter(
            start_s=max((seconds(one.get("start_time")) or 0.0) - start_s, 0.0),
            end_s=max((seconds(one.get("end_time")) or 0.0) - start_s, 0.0),
            title=str(one.get("tags", {}).get("title") or f"Chapter {number}"),
        )
        for number, one in enumerate(told.get("chapters", ()), 1)
    )


def cover_of(told: dict[str, Any]) -> int | None:
    """Find the stream that is a cover picture."""
    return next((stream["index"] for stream in _of(told, "video") if _cover(stream)), None)


def left_out(told: dict[str, Any], video: int | None) -> tuple[str, ...]:
    """Say in sentences which streams are not used, and why."""
    said = []
    for stream in told["streams"]:
        name = f"stream {stream['index']} ({stream.get('codec_name', 'unknown')})"
        kind, language = stream.get("codec_type"), _language(stream)
        if kind == "video" and not _cover(stream) and stream["index"] != video:
            what = "a further picture: only one is shown"
            said.append(f"{name} is {what if _sized(stream) else 'a picture that is not there'}")
        elif kind == "audio" and not _told_channels(stream):
            said.append(f"{name} is sound that can't be decoded")
        elif kind == "subtitle" and stream.get("codec_name") not in TEXT_CODECS:
            spoken = f" in {language}" if language else ""
            drawn = " made of pictures" if stream.get("codec_name") in DRAWN_CODECS else ""
            said.append(f"{name} is subtitles{spoken}{drawn}: they can't become text")
        elif kind in ("data", "attachment"):
            said.append(f"{name} is neither picture, sound nor text")
    return tuple(said)


def own_duration(stream: dict[str, Any]) -> float | None:
    """Read how long a track of a Matroska file says that it lasts, seconds; None for nothing said.

    Some writers tell when it ends instead, which is later where it begins late. ffmpeg tells anew
    of what it cuts, and lets what was told of it with a language stay.
    """
    tags = stream.get("tags", {})
    keys = sorted(key for key in tags if key.split("-")[0] == OWN_DURATION)
    told = str(tags[keys[0]]) if keys else ""
    found = _CLOCK.fullmatch(told)
    if found is None:
        return None
    hours, minutes, rest = (float(part) for part in found.groups())
    return (hours * 60 + minutes) * 60 + rest


def seconds(text: str | None) -> float | None:
    """Read ffprobe's seconds; None for `N/A`."""
    try:
        return float(text) if text is not None else None
    except ValueError:
        return None


def _of(told: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    return [stream for stream in told["streams"] if stream.get("codec_type") == kind]


def _cover(stream: dict[str, Any]) -> bool:
    return bool(stream.get("disposition", {}).get("attached_pic"))


def _told_channels(stream: dict[str, Any]) -> bool:
    return int(stream.get("channels") or 0) > 0


def _sized(stream: dict[str, Any]) -> bool:
    return bool(stream.get("width") and stream.get("height"))


def _language(stream: dict[str, Any]) -> str | None:
    return three_letters(str(stream.get("tags", {}).get("language", "und")))


def _title(stream: dict[str, Any]) -> str | None:
    title = str(stream.get("tags", {}).get("title") or "").strip()
    return title or None


def _transparent(stream: dict[str, Any]) -> bool:
    """Whether the picture may have transparent parts; of PNG ffprobe may not know.

    In WebM they are a second picture that is only marked.
    """
    codec, pix_fmt = stream.get("codec_name"), stream.get("pix_fmt")
    marked = str(stream.get("tags", {}).get("alpha_mode")) == "1"
    return see_through(pix_fmt) or marked or (codec == "png" and pix_fmt in (None, "unknown"))


def _cropped(stream: dict[str, Any]) -> tuple[int, int]:
    """Give width and height as they are decoded: a container may cut off edges (MKV, MP4's `clap`).

    Margins that leave nothing are a mistake in the file, and none for the decoder either.
    """
    width, height = int(stream["width"]), int(stream["height"])
    for data in stream.get("side_data_list", ()):
        left, right, top, bottom = (int(data.get(f"crop_{edge}", 0)) for edge in EDGES)
        shown = width - left - right, height - top - bottom
        if shown != (width, height) and min(shown) > 0:
            return shown
    return width, height


def _rotation(stream: dict[str, Any]) -> int:
    """Read clockwise degrees: ffprobe gives the display matrix's counter-clockwise angle."""
    for data in stream.get("side_data_list", ()):
        if "rotation" in data:
            return round(-float(data["rotation"]) / 90) * 90 % 360
    return 0


def _mirrored(stream: dict[str, Any]) -> bool:
    """Read whether the display matrix mirrors: ffprobe prints its rows as `00000000: a b u`."""
    for data in stream.get("side_data_list", ()):
        rows = [line.split()[1:] for line in str(data.get("displaymatrix", "")).splitlines()]
        numbers = [int(number) for row in rows for number in row]
        if len(numbers) == 9:  # noqa: PLR2004 - three by three
            (a, b), (c, d) = numbers[0:2], numbers[3:5]
            return a * d - b * c < 0
    return False


def ratio(text: str | None) -> Fraction | None:
    """Read ffprobe's `25/1` or `4:3`; None for 0 and for what is no ratio."""
    over, _, under = (text or "").replace(":", "/").partition("/")
    if not over.isdigit() or not under.isdigit() or not int(over) or not int(under):
        return None
    return Fraction(int(over), int(under))
