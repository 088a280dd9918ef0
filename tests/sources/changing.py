"""Recordings that change on the way or begin in the middle, as broadcasts do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.media import ffmpeg
from tests.sources.picture import AAC, X264, Clip, copied, encode
from tests.sources.row import Expect, Patches, Row

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

HALF = Clip(seconds=2)
SURROUND = 6
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
    return joined(folder / "a.ts", halves)


def joined(path: Path, parts: Sequence[Path]) -> Path:
    """Put broadcasts behind one another, and into another container where the name says so."""
    cast = path.with_suffix(".ts")
    cast.write_bytes(b"".join(part.read_bytes() for part in parts))
    return cast if path == cast else copied(path, cast)


def heard(
    name: str, codec: str, *stages: tuple[int, int], late_s: float = 0.0
) -> Callable[[Path], Path]:
    """A recording whose sound changes its channels and its rate every two seconds.

    Its sound begins `late_s` after its picture.
    """

    def make(folder: Path) -> Path:
        parts = []
        for number, (channels, rate) in enumerate(stages):
            sound = HALF.sound(channels=channels, rate=rate)
            # Six channels alike become too loud when they are mixed to two.
            sound += f",volume={0.4 if channels == SURROUND else 1}"
            if number == 0:
                sound += f",atrim=start={late_s}"
            clock = ("-copyts", "-muxdelay", "0")
            parts.append(
                encode(
                    folder / f"{number}.ts",
                    HALF,
                    video=(*X264, "-bf", "0"),
                    audio=("-c:a", codec, "-b:a", "256k"),
                    sound=sound,
                    last=(*clock, "-output_ts_offset", str(1 + number * LATER_S)),
                )
            )
        return joined(folder / name, parts)

    return make


def spliced(name: str, count: int, step_s: float) -> Callable[[Path], Path]:
    """So many recordings of two seconds, whose clocks begin `step_s` apart, whatever they last."""

    def make(folder: Path) -> Path:
        parts = [
            encode(
                folder / f"{number}.ts",
                HALF,
                video=(*X264, "-preset", "veryfast", "-bf", "2"),
                last=("-muxdelay", "0", "-output_ts_offset", str(number * step_s)),
            )
            for number in range(count)
        ]
        return joined(folder / name, parts)

    return make


def _spliced(what: str, count: int, step_s: float) -> Row:
    moments = tuple(number * LATER_S + at for number in range(count) for at in HALF.moments)
    expect = Expect(frames=50 * count, patches=Patches(), sync=True, moments=moments)
    return Row(f"recordings joined, {what}", spliced("a.ts", count, step_s), expect)


def brief_sound(folder: Path) -> Path:
    """A broadcast with a second sound that ends long before the picture."""
    path, whole = folder / "a.ts", Clip(seconds=5)
    inputs = [whole.picture(), whole.sound(), Clip(seconds=1).sound(pitch=1500)]
    read = [part for one in inputs for part in ("-f", "lavfi", "-i", one)]
    maps = ("-map", "0:v", "-map", "1:a", "-map", "2:a")
    ffmpeg(*read, *maps, *X264, *AAC, str(path))
    return path


def _row(name: str, codec: str, *stages: tuple[int, int], late_s: float = 0.0) -> Row:
    moments = tuple(number * LATER_S + at for number in range(len(stages)) for at in HALF.moments)
    what = "-".join(f"{channels}x{rate}" for channels, rate in stages)
    when = f", begun {late_s} s late" if late_s else ""
    return Row(
        f"sound changes, {codec} {what}{when}, {name}",
        heard(name, codec, *stages, late_s=late_s),
        Expect(frames=50 * len(stages), sync=True, moments=moments),
    )


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
    _spliced("each with a clock of its own", 5, 0),
    _spliced("a hundred seconds apart", 2, 100),
    Row("a sound that ends soon, ts", brief_sound, Expect(frames=125, patches=Patches())),
    _row("a.ts", "aac", (2, 48_000), (6, 48_000), (2, 48_000), late_s=0.3),
    _row("a.ts", "ac3", (2, 48_000), (6, 48_000), (2, 48_000)),
    _row("a.mkv", "ac3", (2, 48_000), (6, 48_000), (2, 48_000), late_s=0.3),
    _row("a.mp4", "ac3", (2, 48_000), (6, 48_000), (2, 48_000), late_s=0.3),
    _row("a.ts", "mp2", (1, 48_000), (2, 48_000), late_s=0.3),
    _row("a.mkv", "mp2", (1, 48_000), (2, 48_000), late_s=0.3),
    _row("a.ts", "aac", (2, 48_000), (2, 44_100), late_s=0.3),
    _row("a.mkv", "mp2", (2, 48_000), (2, 32_000)),
)
