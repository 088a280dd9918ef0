"""Renditions: every picture, sound and text that is made of a source, each with its own name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pipeline.plan.channels import unplaced
from pipeline.plan.ladder import Rung, ladder
from pipeline.plan.source import Fact
from pipeline.settings.profiles import SoundCodec, VideoCodec

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pipeline.plan.source import AudioStream, Source
    from pipeline.settings.profiles import AudioSettings, Profile, VideoSettings

STEREO = 2
#: The most channels that are kept: 5.1, which every player with surround sound takes.
SURROUND = 6
#: The smallest sides an encoder takes, pixels (x265 refuses less, SVT-AV1 dies of less).
SMALLEST: dict[VideoCodec, int] = {"hevc": 16, "av1": 4}
OPUS_RATE = 48_000


class VideoRendition(Fact):
    """One picture: a rung in one codec. Width and height in pixels."""

    kind: Literal["video"] = "video"
    name: str
    width: int
    height: int
    codec: VideoCodec
    crf: int
    #: Bits a second over any span of the profile's `buffer_seconds`; None: as many as it takes.
    max_bitrate: int | None = None
    #: In ten bits and the source's own light.
    hdr: bool = False

    @property
    def folder(self) -> str:
        """The folder of its segments, below that of the manifests."""
        return f"v-{self.name}"


class SoundRendition(Fact):
    """One sound: a track of the source in one codec. Bitrate in bits, sample rate in samples/s."""

    kind: Literal["audio"] = "audio"
    name: str
    #: The track's number in the source.
    index: int
    codec: SoundCodec
    channels: int
    bitrate: int
    sample_rate: int
    language: str | None
    #: What people call it, in menus.
    label: str
    default: bool
    #: The HLS group: sounds that a player may choose between.
    group: str = "audio"

    @property
    def folder(self) -> str:
        """The folder of its segments, below that of the manifests."""
        return self.name


class TextRendition(Fact):
    """One text as WebVTT: subtitles, or captions that lie in the picture (`index` is None)."""

    kind: Literal["text"] = "text"
    name: str
    index: int | None
    language: str | None
    label: str
    default: bool
    forced: bool = False

    @property
    def folder(self) -> str:
        """The folder of its segments, below that of the manifests."""
        return self.name


def videos(source: Source, wanted: VideoSettings) -> tuple[VideoRendition, ...]:
    """Choose the pictures: every rung in every codec, largest first, HDR after the others."""
    if source.video is None or not wanted.enabled:
        return ()
    rungs = ladder(source, wanted.ladder)
    made = [
        _video(rung, codec, wanted, suffix="" if number == 0 else f"-{codec}")
        for number, codec in enumerate(wanted.codec)
        for rung in rungs
        if _fits(rung, codec)
    ]
    if not made:
        made = [_video(rung, "h264", wanted, suffix="") for rung in rungs]
    if wanted.hdr and wanted.hdr_codec and source.video.hdr:
        codec = wanted.hdr_codec
        hdr = (_video(rung, codec, wanted, suffix="-hdr") for rung in rungs if _fits(rung, codec))
        made += [one.model_copy(update={"hdr": True}) for one in hdr]
    return tuple(made)


def _fits(rung: Rung, codec: VideoCodec) -> bool:
    return min(rung.width, rung.height) >= SMALLEST.get(codec, 0)


def _video(rung: Rung, codec: VideoCodec, wanted: VideoSettings, *, suffix: str) -> VideoRendition:
    return VideoRendition(
        name=f"{rung.name}{suffix}",
        width=rung.width,
        height=rung.height,
        codec=codec,
        crf=wanted.crf_of(codec),
        max_bitrate=wanted.max_bitrate_of(min(rung.width, rung.height)),
    )


def sounds(source: Source, wanted: AudioSettings) -> tuple[SoundRendition, ...]:
    """Choose the sounds: every track that is kept, the default one first, in every codec."""
    if not wanted.enabled:
        return ()
    names, labels = _Names(), _Names()
    made = []
    for number, track in enumerate(_kept(source.audio, wanted)):
        base = "audio" if number == 0 else names.free(f"audio-{track.language or number + 1}")
        unnamed = "main" if number == 0 else f"track {number + 1}"
        label = labels.free(track.title or track.language or unnamed)
        for codec in wanted.codec:
            for channels in _channels(track, wanted):
                made.append(_sound(track, base, label, codec, channels, wanted, number == 0))
    return tuple(made)


class _Names:
    """Gives out names, each once."""

    def __init__(self) -> None:
        self.taken: set[str] = set()

    def free(self, name: str) -> str:
        number, found = 2, name
        while found in self.taken:
            found, number = f"{name}-{number}", number + 1
        self.taken.add(found)
        return found


def _kept(tracks: Iterable[AudioStream], wanted: AudioSettings) -> list[AudioStream]:
    """List the tracks to keep: the one marked default, or the first, comes first."""
    ordered = sorted(tracks, key=lambda track: not track.default)
    kept = [track for track in ordered if track.language in wanted.languages]
    return kept or (ordered[:1] if wanted.languages else ordered)


def _channels(track: AudioStream, wanted: AudioSettings) -> Iterator[int]:
    yield min(track.channels, STEREO)
    if wanted.surround and track.channels > STEREO and not unplaced(track):
        yield min(track.channels, SURROUND)


def _sound(
    track: AudioStream,
    base: str,
    label: str,
    codec: SoundCodec,
    channels: int,
    wanted: AudioSettings,
    default: bool,  # noqa: FBT001
) -> SoundRendition:
    marks: list[str] = [codec] if codec != wanted.codec[0] else []
    marks += ["surround"] if channels > STEREO else []
    share = {1: 0.75, STEREO: 1.0}.get(channels, 2.5)
    return SoundRendition(
        name="-".join([base, *marks]),
        index=track.index,
        codec=codec,
        channels=channels,
        bitrate=round(wanted.bitrate * share),
        sample_rate=44_100 if track.sample_rate % 11_025 == 0 and codec == "aac" else OPUS_RATE,
        language=track.language,
        label=label,
        default=default,
        group="-".join(["audio", *marks]),
    )


def texts(source: Source, wanted: Profile) -> tuple[TextRendition, ...]:
    """Choose the texts: every subtitle track of words, and captions in the picture."""
    if not wanted.subtitles:
        return ()
    names = _Names()
    made = []
    for number, track in enumerate(source.texts, 1):
        name = names.free(f"subtitles-{track.language or number}")
        label = names.free(track.title or track.language or f"subtitles {number}")
        made.append(
            TextRendition(
                name=name,
                index=track.index,
                language=track.language,
                label=label,
                default=track.default,
                forced=track.forced,
            )
        )
    if source.video is not None and source.video.captions:
        made.append(
            TextRendition(
                name=names.free("subtitles-captions"),
                index=None,
                language=None,
                label=names.free("captions"),
                default=False,
            )
        )
    return tuple(made)
