"""`profiles.yml`: what is made of a source."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator

from pipeline.settings.values import Bitrate, Part

#: The rungs of a full ladder: the shorter side of the picture, pixels.
LADDER = (4320, 2160, 1440, 1080, 720, 480, 360, 240, 144)
Preset = Literal[
    "ultrafast",
    "superfast",
    "veryfast",
    "faster",
    "fast",
    "medium",
    "slow",
    "slower",
    "veryslow",
]


class VideoSettings(Part):
    """The picture of every rendition."""

    codec: Literal["h264"] = "h264"
    #: Shorter sides of the renditions, pixels; those above the source's are left out.
    ladder: Annotated[tuple[Annotated[int, Field(ge=16, le=8640)], ...], Field(min_length=1)] = (
        LADDER
    )
    crf: Annotated[int, Field(ge=0, le=51)] = 23
    preset: Preset = "medium"
    encoder: Literal["auto", "x264"] = "auto"
    #: Distance of key frames, seconds: renditions can be switched at each.
    gop_seconds: Annotated[float, Field(gt=0, le=20)] = 2.0

    @field_validator("ladder")
    @classmethod
    def _largest_first(cls, ladder: tuple[int, ...]) -> tuple[int, ...]:
        return tuple(sorted(set(ladder), reverse=True))


class AudioSettings(Part):
    """The sound, shared by all renditions. Bitrate in bits a second."""

    codec: Literal["aac"] = "aac"
    bitrate: Annotated[Bitrate, Field(ge=16_000, le=512_000)] = 128_000


class Profile(Part):
    """One profile."""

    video: VideoSettings = VideoSettings()
    audio: AudioSettings = AudioSettings()
    package: Annotated[tuple[Literal["hls", "dash", "mp4"], ...], Field(min_length=1)] = (
        "hls",
        "dash",
        "mp4",
    )
