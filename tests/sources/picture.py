"""The test clip: corners of known colours, and a flash in the middle with each beep.

The corners tell which way is up and whether colours were kept; flashes and beeps come together, so
that their distance in an output is its error. A flash begins with a frame, at any frame rate.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from tests.media import ffmpeg

if TYPE_CHECKING:
    from pathlib import Path

#: The corners: top left, top right, bottom left, bottom right; and what lies between them.
CORNERS = ((192, 48, 48), (48, 160, 48), (48, 48, 192), (192, 192, 48))
GREY = (128, 128, 128)
X264 = ("-c:v", "libx264", "-preset", "ultrafast", "-crf", "10", "-pix_fmt", "yuv420p", "-g", "25")
AAC = ("-c:a", "aac", "-b:a", "128k")


@dataclass(frozen=True)
class Clip:
    """A test clip. `rate` is in frames a second; `period` is the flashes' distance in frames."""

    seconds: float = 3.0
    size: str = "320x240"
    rate: str = "25"

    @property
    def fps(self) -> Fraction:
        return Fraction(self.rate)

    @property
    def period(self) -> int:
        return max(2, round(self.fps))

    @property
    def lit(self) -> int:
        """How many frames a flash lasts."""
        return max(1, round(self.fps * Fraction(12, 100)))

    @property
    def frames(self) -> int:
        return math.ceil(Fraction(str(self.seconds)) * self.fps)

    @property
    def moments(self) -> tuple[float, ...]:
        """When the flashes begin, seconds."""
        first = self.period // 2
        return tuple(float(n / self.fps) for n in range(first, self.frames, self.period))

    def picture(self) -> str:
        """Describe the picture as a lavfi source."""
        tl, tr, bl, br = (f"0x{r:02x}{g:02x}{b:02x}" for r, g, b in CORNERS)
        quarter = "w=ceil(iw/4):h=ceil(ih/4):t=fill"
        right, low = "x=iw-ceil(iw/4)", "y=ih-ceil(ih/4)"
        middle = "x=iw/4:y=ih/4:w=iw/2:h=ih/2:t=fill"
        on = f"lt(mod(n+{self.period - self.period // 2}\\,{self.period})\\,{self.lit})"
        return (
            f"color=c=0x808080:s={self.size}:r={self.rate}:d={self.seconds},format=gbrp,"
            f"drawbox=x=0:y=0:{quarter}:c={tl},drawbox={right}:y=0:{quarter}:c={tr},"
            f"drawbox=x=0:{low}:{quarter}:c={bl},drawbox={right}:{low}:{quarter}:c={br},"
            f"drawbox={middle}:c=black,drawbox={middle}:c=white:enable={on}"
        )

    def sound(self, *, rate: int = 48_000, channels: int = 1, pitch: int = 1000) -> str:
        """Describe the beeps as a lavfi source, alike in every channel."""
        period = float(self.period / self.fps)
        first = float(self.period // 2 / self.fps)
        length = max(0.08, min(0.12, float(self.lit / self.fps)))
        wave = f"0.6*sin({pitch}*2*PI*t)*lt(mod(t+{period - first:.9f}\\,{period:.9f})\\,{length})"
        waves = "|".join([wave] * channels)
        return f"aevalsrc={waves}:s={rate}:d={self.seconds}"


def encode(  # every part may be replaced
    path: Path,
    clip: Clip | None = None,
    *,
    video: tuple[str, ...] = X264,
    audio: tuple[str, ...] | None = AAC,
    look: str = "",
    sound: str | None = None,
    last: tuple[str, ...] = (),
) -> Path:
    """Write a clip; `look` is a chain of filters for the picture, `audio` None leaves sound out."""
    clip = clip or Clip()
    heard = () if audio is None else ("-f", "lavfi", "-i", sound or clip.sound())
    filters = ("-vf", look) if look else ()
    maps = ("-map", "0:v") if audio is None else ("-map", "0:v", "-map", "1:a")
    ffmpeg(
        *("-f", "lavfi", "-i", clip.picture()),
        *heard,
        *maps,
        *filters,
        *video,
        *(audio or ()),
        *last,
        str(path),
    )
    return path


def copied(path: Path, source: Path, *before: str, after: tuple[str, ...] = ()) -> Path:
    """Write the streams of a file into another, uncoded; `before` are options of the input."""
    ffmpeg(*before, "-i", str(source), "-map", "0", "-c", "copy", *after, str(path))
    return path
