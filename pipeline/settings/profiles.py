"""`profiles.yml`: what is made of a source."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, ValidationInfo, field_validator, model_validator

from pipeline.settings.encryption import EncryptionSettings
from pipeline.settings.errors import BadValue
from pipeline.settings.extras import Extras, PosterSettings
from pipeline.settings.languages import three_letters
from pipeline.settings.values import (
    BITRATE,
    NOT_BOOL,
    DurationFromZero,
    Folder,
    Part,
    Tag,
    one_or_more,
)

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
VideoCodec = Literal["h264", "hevc", "av1", "vp9"]
CrfKey = Literal["h264", "hevc", "av1", "vp9", "all"]
SoundCodec = Literal["aac", "opus"]
Encoder = Literal["auto", "cpu", "nvenc", "vaapi", "qsv"]
Package = Literal["hls", "dash", "mp4"]
Corner = Literal["top-left", "top-right", "bottom-left", "bottom-right", "center"]

#: Quality where a profile names none: about equal to the eye, on each encoder's own scale.
CRF: dict[VideoCodec, int] = {"h264": 23, "hevc": 26, "av1": 32, "vp9": 33}
#: The worst quality of each scale.
WORST_CRF: dict[VideoCodec, int] = {"h264": 51, "hevc": 51, "av1": 63, "vp9": 63}
#: Codecs that carry ten bits in players.
TEN_BIT: tuple[VideoCodec, ...] = ("hevc", "av1", "vp9")

VideoCodecs = Annotated[
    tuple[VideoCodec, ...],
    BeforeValidator(one_or_more, json_schema_input_type=VideoCodec | list[VideoCodec]),
    Field(min_length=1),
]
SoundCodecs = Annotated[
    tuple[SoundCodec, ...],
    BeforeValidator(one_or_more, json_schema_input_type=SoundCodec | list[SoundCodec]),
    Field(min_length=1),
]
Crf = Annotated[int, Field(ge=0, le=63), NOT_BOOL]
Bitrate = Annotated[int, Field(ge=16_000, le=800_000_000), BITRATE]


def _for_all(value: Any) -> Any:
    """Take one quality as that of whichever codec there is."""
    return value if isinstance(value, dict) or value is None else {"all": value}


def _by_side(value: Any) -> Any:
    """Take one bitrate as that of every rung."""
    return value if isinstance(value, dict) or value is None else {0: value}


def _language(value: Any) -> str:
    code = three_letters(str(value))
    if code is None:
        raise BadValue("is not a language's code", "Write one like eng or fra.")
    return code


class VideoSettings(Part):
    """The picture of every rendition."""

    enabled: bool = True
    #: The first is what every player should understand; the others are offered beside it.
    codec: VideoCodecs = ("h264",)
    #: Shorter sides of the renditions, pixels; those above the source's are left out.
    ladder: Annotated[tuple[Side, ...], Field(min_length=1)] = LADDER
    #: Quality on the encoder's own scale, by codec ("all": the only one).
    crf: Annotated[
        dict[CrfKey, Crf],
        BeforeValidator(_for_all, json_schema_input_type=Crf | dict[VideoCodec, Crf]),
    ] = Field(default_factory=dict)
    #: The most bits a second of each rung, by shorter side (0: any rung).
    max_bitrate: Annotated[
        dict[int, Bitrate],
        BeforeValidator(_by_side, json_schema_input_type=str | int | dict[int, str | int]),
    ] = Field(default_factory=dict)
    #: The time a player buffers: `max_bitrate` holds over any span this long, seconds.
    buffer_seconds: Annotated[float, Field(gt=0, le=60, allow_inf_nan=False)] = 2.0
    preset: Preset = "medium"
    encoder: Encoder = "auto"
    #: Distance of key frames, seconds: renditions can be switched at each.
    gop_seconds: Annotated[float, Field(gt=0, le=20, allow_inf_nan=False)] = 2.0
    #: Also make a ladder in HDR of an HDR source, in the first codec that can carry it.
    hdr: bool = False

    @field_validator("codec")
    @classmethod
    def _codecs_once(cls, codecs: tuple[VideoCodec, ...]) -> tuple[VideoCodec, ...]:
        return tuple(dict.fromkeys(codecs))

    @field_validator("ladder")
    @classmethod
    def _largest_first(cls, ladder: tuple[int, ...]) -> tuple[int, ...]:
        return tuple(sorted(set(ladder), reverse=True))

    @field_validator("crf")
    @classmethod
    def _on_one_scale(cls, crf: dict[str, int], info: ValidationInfo) -> dict[str, int]:
        codecs: tuple[VideoCodec, ...] = info.data.get("codec", ())
        if "all" in crf and len(codecs) > 1:
            each = ", ".join(f"{codec}: {CRF[codec]}" for codec in codecs)
            raise BadValue(
                "is one quality for several codecs, whose scales differ",
                f"Write crf: {{{each}}}.",
            )
        for codec in codecs:
            if crf.get(codec, crf.get("all", 0)) > WORST_CRF[codec]:
                raise BadValue(f"must be at most {WORST_CRF[codec]}, the worst of {codec}")
        return crf

    @field_validator("hdr")
    @classmethod
    def _some_codec_carries_it(cls, hdr: bool, info: ValidationInfo) -> bool:  # noqa: FBT001
        if hdr and not set(TEN_BIT) & set(info.data.get("codec", TEN_BIT)):
            raise BadValue(
                "needs a codec that can carry HDR", "Add hevc, av1 or vp9: codec: [h264, hevc]."
            )
        return hdr

    def crf_of(self, codec: VideoCodec) -> int:
        """Give the quality of a codec's renditions."""
        return self.crf.get(codec, self.crf.get("all", CRF[codec]))

    def max_bitrate_of(self, side: int) -> int | None:
        """Give the cap of the rung of this shorter side: its own, else that of the next larger."""
        larger = sorted(one for one in self.max_bitrate if one >= side)
        return self.max_bitrate[larger[0]] if larger else self.max_bitrate.get(0)

    @property
    def hdr_codec(self) -> VideoCodec | None:
        """The first codec that can carry HDR."""
        return next((codec for codec in self.codec if codec in TEN_BIT), None)


class AudioSettings(Part):
    """The sound, shared by all renditions. Bitrates in bits a second."""

    enabled: bool = True
    codec: SoundCodecs = ("aac",)
    #: Of stereo; mono has three quarters of it, surround sound two and a half times as much.
    bitrate: Annotated[int, Field(ge=16_000, le=512_000), BITRATE] = 128_000
    #: Languages to keep (ISO 639, like fra or fr); empty keeps all tracks.
    languages: tuple[Annotated[str, BeforeValidator(_language)], ...] = ()
    #: Also keep surround sound, beside its downmix to stereo.
    surround: bool = False
    #: Bring every track to this loudness (EBU R128), in LUFS; None leaves it as it is.
    loudness: Annotated[float, Field(ge=-70, le=-5, allow_inf_nan=False)] | None = None

    @field_validator("codec")
    @classmethod
    def _codecs_once(cls, codecs: tuple[SoundCodec, ...]) -> tuple[SoundCodec, ...]:
        return tuple(dict.fromkeys(codecs))


class TrimSettings(Part):
    """The part of the source that is used: from `start` to `end`, on its own clock from 0."""

    start: DurationFromZero = timedelta(0)
    end: DurationFromZero | None = None

    @model_validator(mode="after")
    def _some_of_it(self) -> TrimSettings:
        if self.end is not None and self.end <= self.start:
            raise BadValue("ends before it starts", "Write an `end` later than `start`.")
        return self


class WatermarkSettings(Part):
    """A picture laid over every rendition."""

    #: PNG, JPEG or WebP; transparent parts stay so.
    file: Folder
    corner: Corner = "bottom-right"
    #: Its width, and its distance from the edges, in shares of the picture's width.
    width: Annotated[float, Field(gt=0, le=1, allow_inf_nan=False)] = 0.12
    margin: Annotated[float, Field(ge=0, le=0.5, allow_inf_nan=False)] = 0.02
    opacity: Annotated[float, Field(gt=0, le=1, allow_inf_nan=False)] = 0.8


class Profile(Part):
    """One profile."""

    video: VideoSettings = VideoSettings()
    audio: AudioSettings = AudioSettings()
    #: Whether text subtitles and closed captions become WebVTT.
    subtitles: bool = True
    trim: TrimSettings | None = None
    watermark: WatermarkSettings | None = None
    #: What becomes of a source with damaged parts: refused, or made of what can be decoded.
    damaged: Literal["refuse", "salvage"] = "refuse"
    package: Annotated[tuple[Package, ...], Field(min_length=1)] = ("hls", "dash", "mp4")
    poster: PosterSettings = PosterSettings()
    extras: Extras = ("storyboard",)
    #: Encrypt pictures and sounds of HLS and DASH; None leaves them readable.
    encryption: EncryptionSettings | None = None
    #: The tag that workers must have to encode it.
    needs: Tag | None = None

    @field_validator("package")
    @classmethod
    def _each_once(cls, package: tuple[Package, ...]) -> tuple[Package, ...]:
        return tuple(dict.fromkeys(package))

    @field_validator("encryption")
    @classmethod
    def _nothing_lies_beside_in_the_clear(
        cls, encryption: EncryptionSettings | None, info: ValidationInfo
    ) -> EncryptionSettings | None:
        if encryption is not None and "mp4" in info.data.get("package", ()):
            raise BadValue(
                "encrypts streams while `package` has mp4, which would hold the same in the clear",
                "Write package: [hls, dash].",
            )
        return encryption

    @model_validator(mode="after")
    def _makes_something(self) -> Profile:
        if not self.video.enabled and not self.audio.enabled:
            raise BadValue("makes neither picture nor sound", "Enable `video` or `audio`.")
        return self
