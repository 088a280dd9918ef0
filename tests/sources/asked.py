"""What a profile can ask of a source: an HDR ladder, other codecs, and what damage left over."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pipeline.settings.profiles import AudioSettings, Profile, TrimSettings, VideoSettings
from tests.sources.bad import CLIP as LONG
from tests.sources.bad import cut, cut_tune, hurt, hurt_tune
from tests.sources.colours import HDR10, deep
from tests.sources.containers import MPEG2, PCM, film
from tests.sources.picture import Clip, encode
from tests.sources.row import Expect, Patches, Row, small
from tests.sources.sounds import outlasting
from tests.sources.timing import apart, late_picture, slides

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

CLIP = Clip()
SOUND_ALONE = Profile(video=VideoSettings(enabled=False), audio=AudioSettings(loudness=-20))
SALVAGING = Profile(video=VideoSettings(ladder=(240,), preset="ultrafast"), damaged="salvage")


def asking(*codecs: Literal["h264", "hevc", "av1", "vp9"], hdr: bool = False) -> Profile:
    """A small ladder in these codecs."""
    return Profile(
        video=VideoSettings(codec=codecs, ladder=(240, 144), preset="ultrafast", hdr=hdr)
    )


def _hdr(name: str, curve: str, extra: str = "") -> Row:
    """Both ladders: the ordinary one, and one in the source's own light."""
    expect = Expect(
        frames=75,
        seconds=3,
        patches=Patches(tone_mapped=True),
        sync=True,
        hdr=curve,
        light=1000 if extra else None,
        codecs=frozenset({"h264", "hevc"}),
    )
    return Row(name, deep(curve, 203, extra), expect, asking("h264", "hevc", hdr=True))


def _loud(name: str) -> Row:
    """Sound that is to be louder than its peaks allow: its gain then changes from moment to moment.

    Its last seconds are in the filter when the sound ends.
    """
    clip = Clip(seconds=6)
    profile = asking("h264").model_copy(update={"audio": AudioSettings(loudness=-9)})
    expect = Expect(frames=150, patches=Patches(), moments=clip.moments)
    return Row(
        f"louder than its peaks allow, {name}",
        lambda folder: encode(folder / name, clip),
        expect,
        profile,
    )


def _salvaged(name: str, make: Callable[[Path], Path], told: str, frames: int, short: int) -> Row:
    return Row(name, make, Expect(frames=frames, frames_short=short, told=told), SALVAGING)


def _coded(name: str, *codecs: Literal["h264", "hevc", "av1", "vp9"]) -> Row:
    expect = Expect(
        frames=75,
        seconds=3,
        patches=Patches(),
        sync=True,
        moments=CLIP.moments,
        codecs=frozenset(codecs),
    )
    return Row(name, lambda folder: encode(folder / "a.mp4"), expect, asking(*codecs))


ROWS = (
    _hdr("HDR10, an HDR ladder too", "smpte2084", HDR10),
    _hdr("HLG, an HDR ladder too", "arib-std-b67"),
    _coded("H.264 and HEVC", "h264", "hevc"),
    _coded("VP9", "vp9"),
    _coded("AV1", "av1"),
    Row(
        "VP9 whose last frame is held until its sound ends",
        outlasting("a.mp4", 3),
        Expect(frames=75, seconds=6, moments=CLIP.moments, codecs=frozenset({"vp9"})),
        asking("vp9"),
    ),
    Row(
        "a part that begins and ends between slides",
        slides,
        Expect(frames=3, seconds=3.5, times=(0, 0.5, 2.5), patches=Patches()),
        small().model_copy(update={"trim": TrimSettings(start="1.5s", end="5s")}),
    ),
    Row(
        "a part that begins between two ticks of its picture's clock, mxf",
        film("a.mxf", MPEG2, PCM),
        Expect(frames=50, seconds=2, patches=Patches(), sync=True, moments=(0.755, 1.755)),
        small().model_copy(update={"trim": TrimSettings(start="0.725s", end="2.725s")}),
    ),
    Row(
        "a part that begins before the picture does, wmv",
        late_picture,
        Expect(frames=50, seconds=2.546, patches=Patches()),
        small().model_copy(update={"trim": TrimSettings(start="0.5s")}),
    ),
    Row(
        "the sound alone of a broadcast, which begins after its picture",
        apart("a.ts", sound_s=1.2),
        Expect(beeps=CLIP.moments[1:]),
        SOUND_ALONE,
    ),
    _loud("a.mp4"),
    _loud("a.ts"),
    _salvaged("damaged MP4, salvaged", hurt("a.mp4", 0.5), "lost", LONG.frames, 130),
    _salvaged("damaged MKV, salvaged", hurt("a.mkv", 0.5), "lost", LONG.frames, 130),
    _salvaged("damaged MPEG-TS, salvaged", hurt("a.ts", 0.5), "lost", LONG.frames, 130),
    Row(
        "MP3 cut short, salvaged",
        cut_tune("a.mp3", "-c:a", "libmp3lame"),
        Expect(beeps=LONG.moments[:4], told="incomplete"),
        SALVAGING,
    ),
    Row(
        "MP3 with a hole, salvaged",
        hurt_tune("a.mp3", "-c:a", "libmp3lame"),
        Expect(poster=True, told="seconds of sound are lost"),
        SALVAGING,
    ),
    _salvaged("MKV cut short, salvaged", cut("a.mkv", 0.6), "incomplete", LONG.frames, 100),
    _salvaged(
        "MP4 cut short, salvaged",
        cut("a.mp4", 0.6, "-movflags", "+faststart"),
        "incomplete",
        LONG.frames,
        100,
    ),
)
