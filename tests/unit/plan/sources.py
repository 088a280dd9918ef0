"""Sources as the probe would describe them, each test naming only what it is about."""

from __future__ import annotations

from typing import Any

from pipeline.plan.plan import Plan, make_plan
from pipeline.plan.source import AudioStream, Chapter, Source, TextStream, VideoStream
from pipeline.settings.profiles import Profile


def picture(width: int = 1280, height: int = 720, **facts: Any) -> VideoStream:
    usual: dict[str, Any] = {
        "index": 0,
        "codec": "h264",
        "pix_fmt": "yuv420p",
        "average_rate": 25,
        "nominal_rate": 25,
        "frames": 250,
        "first_pts_s": 0.0,
        "last_pts_s": 9.96,
        "color_space": "bt709",
        "color_primaries": "bt709",
        "color_transfer": "bt709",
        "color_range": "tv",
    }
    return VideoStream(width=width, height=height, **{**usual, **facts})


def sound(index: int = 1, **facts: Any) -> AudioStream:
    usual: dict[str, Any] = {
        "codec": "aac",
        "channels": 2,
        "sample_rate": 48_000,
        "duration_s": 10.0,
    }
    return AudioStream(index=index, **{**usual, **facts})


def words(index: int = 2, **facts: Any) -> TextStream:
    return TextStream(index=index, **{"codec": "subrip", **facts})


def source(
    width: int = 1280,
    height: int = 720,
    *,
    audio: tuple[AudioStream, ...] = (),
    texts: tuple[TextStream, ...] = (),
    chapters: tuple[Chapter, ...] = (),
    **facts: Any,
) -> Source:
    return Source(
        path="/inbox/clip.mp4",
        bytes=1000,
        container="mov,mp4,m4a,3gp,3g2,mj2",
        duration_s=10.0,
        video=picture(width, height, **facts),
        audio=audio,
        texts=texts,
        chapters=chapters,
    )


def record(*tracks: AudioStream, **facts: Any) -> Source:
    """Describe a source of sound alone."""
    return Source(
        path="/inbox/song.mp3",
        bytes=1000,
        container="mp3",
        duration_s=10.0,
        audio=tracks or (sound(0),),
        **facts,
    )


def plan(of: Source | None = None, profile: Profile | None = None) -> Plan:
    return make_plan(of or source(), profile or Profile())
