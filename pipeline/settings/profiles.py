"""`profiles.yml`: what is made of a source."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator

from pipeline.settings.values import BITRATE, NOT_BOOL, Part

#: The rungs of a full ladder: the shorter side of the picture, pixels.
LADDER = (4320, 2160, 1440, 1080, 720, 480, 360, 240, 144)
#: A shorter side, even because 4:2:0 keeps colour for every second pixel only.
Side = Annotated[int, Field(ge=16, le=8640, multiple_of=2), NOT_BOOL]
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

Package = Literal["hls", "dash", "mp4"]


class VideoSettings(Part):
    """The picture of every rendition."""

    codec: Literal["h264"] = "h264"
    #: Shorter sides of the renditions, pixels; those above the source's are left out.
    ladder: Annotated[tuple[Side, ...], Field(min_length=1)] = LADDER
    crf: Annotated[int, Field(ge=0, le=51), NOT_BOOL] = 23
    preset: Preset = "medium"
    encoder: Literal["auto", "x264"] = "auto"
    #: Distance of key frames, seconds: renditions can be switched at each.
    gop_seconds: Annotated[float, Field(gt=0, le=20, allow_inf_nan=False)] = 2.0

    @field_validator("ladder")
    @classmethod
    def _largest_first(cls, ladder: tuple[int, ...]) -> tuple[int, ...]:
        return tuple(sorted(set(ladder), reverse=True))


class AudioSettings(Part):
    """The sound, shared by all renditions. Bitrate in bits a second."""

    codec: Literal["aac"] = "aac"
    bitrate: Annotated[int, Field(ge=16_000, le=512_000), BITRATE] = 128_000


class Profile(Part):
    """One profile."""

    video: VideoSettings = VideoSettings()
    audio: AudioSettings = AudioSettings()
    package: Annotated[tuple[Package, ...], Field(min_length=1)] = ("hls", "dash", "mp4")

    @field_validator("package")
    @classmethod
    def _each_once(cls, package: tuple[Package, ...]) -> tuple[Package, ...]:
        return tuple(dict.fromkeys(package))
