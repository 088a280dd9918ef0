"""Recordings that change on the way or begin in the middle, as broadcasts do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.sources.picture import X264, Clip, encode
from tests.sources.row import Expect, Patches, Row

if TYPE_CHECKING:
    from pathlib import Path

HALF = Clip(seconds=2)
#: Where the second half's clock begins: where the first half's ends, to a packet of sound.
LATER_S = 2.0


def changed(folder: Path) -> Path:
    """Halfway the picture becomes smaller and the sound stereo instead of 5.1."""
    halves = []
    for number, (size, channels) in enumerate((("320x240", 6), ("240x180", 2))):
        halves.append(
            encode(
                folder / f"{number}.ts",
                Clip(seconds=HALF.seconds, size=size),
                video=(*X264, "-bf", "0"),
                audio=("-c:a", "ac3", "-b:a", "320k", "-ac", str(channels)),
                last=("-muxdelay", "0", "-output_ts_offset", str(1 + number * LATER_S)),
            )
        )
    path = folder / "a.ts"
    path.write_bytes(b"".join(half.read_bytes() for half in halves))
    return path


def begun_late(folder: Path) -> Path:
    """A broadcast that was switched on between two key frames, 1.8 s after one."""
    whole, path = folder / "whole.ts", folder / "a.ts"
    clip = Clip(seconds=6)
    encode(whole, clip, video=(*X264, "-g", "50", "-bf", "2", "-muxdelay", "0"))
    data = whole.read_bytes()
    path.write_bytes(data[len(data) * 45 // 150 // 188 * 188 :])
    return path


ROWS = (
    Row(
        "size and channels change halfway, ts",
        changed,
        Expect(
            frames=100,
            seconds=4,
            patches=Patches(),
            sync=True,
            moments=(*HALF.moments, *(LATER_S + at for at in HALF.moments)),
        ),
    ),
    Row(
        "a broadcast that begins between key frames, ts",
        begun_late,
        Expect(frames=120, frames_short=45, patches=Patches(), sync=True, told="between key"),
    ),
)
