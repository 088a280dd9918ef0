"""Ogg films, whose pages tell only when they end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.sources.picture import Clip, encode
from tests.sources.row import Expect, Patches, Row

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

CLIP = Clip(seconds=13, size="64x48")
FLASHING = Clip(seconds=4)
#: When its frames are that are not like the one before.
STILL = (0, *(n / 25 for on in (12, 37, 62, 87) for n in (on, on + 3)))
THEORA = ("-c:v", "libtheora", "-q:v", "9", "-pix_fmt", "yuv420p")


def in_pages(codec: str, begins_s: float, length_s: float) -> Callable[[Path], Path]:
    """A film with so little sound that it may lie in a single page."""
    heard = f"{CLIP.sound()},aselect=between(t\\,{begins_s}\\,{begins_s + length_s})"
    audio = ("-c:a", codec)
    return lambda folder: encode(
        folder / "a.ogv", CLIP, video=THEORA, audio=audio, sound=heard, last=("-copyts",)
    )


def ending_still(audio: tuple[str, ...] | None) -> Callable[[Path], Path]:
    """A film whose last second is one frame, which Theora shows again by nothing at all."""
    video = (*THEORA, "-g", "250", "-vf", "loop=loop=25:size=1:start=95")
    last = ("-t", "5")
    return lambda folder: encode(folder / "a.ogv", FLASHING, video=video, audio=audio, last=last)


SOUNDS = tuple(
    Row(
        f"sound of {length_s} s that begins after {begins_s} s, ogv with {codec}",
        in_pages(codec, begins_s, length_s),
        Expect(beeps=tuple(at for at in CLIP.moments if 0 < at - begins_s < length_s)),
    )
    for codec, begins_s, length_s in (
        ("libvorbis", 3.3, 0.6),
        ("libopus", 11.3, 0.6),
        ("libopus", 7.3, 1.6),
        ("flac", 7.3, 1.6),
    )
)
STILLS = tuple(
    Row(
        f"a film that ends with a frame again and again, {what}, ogv",
        ending_still(audio),
        Expect(times=STILL, seconds=5, patches=Patches(tolerance=30)),
    )
    for what, audio in (("silent", None), ("with sound", ("-c:a", "libvorbis")))
)
ROWS = (*SOUNDS, *STILLS)
