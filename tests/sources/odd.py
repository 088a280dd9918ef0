"""Odd but right: very short, very long, more streams than are needed, and real recordings."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tests.media import SHARED, ffmpeg
from tests.sources.picture import X264, Clip, copied, encode
from tests.sources.row import Expect, Patches, Row, small

if TYPE_CHECKING:
    from collections.abc import Callable

CLIP = Clip()


def brief(
    name: str, rate: str, frames: int, *, sound: bool = True, video: tuple[str, ...] = X264
) -> Callable[[Path], Path]:
    """A clip of so many frames."""
    clip = Clip(seconds=2, rate=rate)
    last = ("-frames:v", str(frames), *(("-t", str(frames / float(clip.fps))) if sound else ()))
    if sound:
        return lambda folder: encode(folder / name, clip, video=video, last=last)
    return lambda folder: encode(folder / name, clip, video=video, audio=None, last=last)


def repeated(name: str, clip: Clip, times: int, *, sound: bool) -> Callable[[Path], Path]:
    """A short clip, again and again, without encoding."""

    def make(folder: Path) -> Path:
        audio = ("-c:a", "flac") if sound else None
        one = encode(folder / "one.mkv", clip, video=(*X264, "-bf", "0"), audio=audio)
        return copied(folder / name, one, "-stream_loop", str(times - 1))

    return make


def timecoded(folder: Path) -> Path:
    """A timecode track, as cameras write it."""
    return encode(folder / "a.mov", last=("-timecode", "01:00:00:00"))


def with_data(folder: Path) -> Path:
    """A data stream that nobody can decode, before the others."""
    first, data, path = encode(folder / "first.mp4"), folder / "data.bin", folder / "a.ts"
    data.write_bytes(bytes(1000))
    ffmpeg(
        *("-f", "data", "-i", str(data), "-i", str(first), "-map", "1", "-map", "0"),
        *("-c", "copy", "-f", "mpegts", str(path)),
    )
    return path


def attached(folder: Path) -> Path:
    """A font attached to the film."""
    first, font, path = encode(folder / "first.mp4"), folder / "a.ttf", folder / "a.mkv"
    font.write_bytes(bytes(1000))
    mime = ("-metadata:s:t", "mimetype=application/x-truetype-font")
    ffmpeg("-i", str(first), "-c", "copy", "-attach", str(font), *mime, str(path))
    return path


def two_pictures(name: str, default: int) -> Callable[[Path], Path]:
    """Two pictures in one file: the one numbered `default` is the test clip, and marked so."""

    def make(folder: Path) -> Path:
        other = ("-f", "lavfi", "-i", "color=red:s=640x360:r=30:d=3")
        mine = ("-f", "lavfi", "-i", CLIP.picture())
        pictures = (*mine, *other) if default == 0 else (*other, *mine)
        sound = ("-f", "lavfi", "-i", CLIP.sound())
        maps = ("-map", "0:v", "-map", "1:v", "-map", "2:a")
        marks = (f"-disposition:v:{default}", "default", f"-disposition:v:{1 - default}", "0")
        ffmpeg(*pictures, *sound, *maps, *X264, "-c:a", "aac", *marks, str(folder / name))
        return folder / name

    return make


def two_programs(folder: Path) -> Path:
    """A transport stream that carries two programmes."""
    path = folder / "a.ts"
    ffmpeg(
        *("-f", "lavfi", "-i", CLIP.picture(), "-f", "lavfi", "-i", CLIP.sound()),
        *("-f", "lavfi", "-i", "color=red:s=160x120:r=25:d=3"),
        *("-map", "0:v", "-map", "1:a", "-map", "2:v", *X264, "-c:a", "aac"),
        *("-program", "title=one:st=0:st=1", "-program", "title=two:st=2", str(path)),
    )
    return path


def real(name: str) -> Callable[[Path], Path]:
    return lambda folder: SHARED / name


def _row(name: str, make: Callable[[Path], Path], **facts: object) -> Row:
    usual: dict[str, object] = {"frames": 75, "seconds": 3, "patches": Patches(), "sync": True}
    return Row(name, make, Expect(**{**usual, **facts}))  # type: ignore[arg-type]


HOURS = Clip(seconds=60, size="64x48", rate="1")
REAL = (
    Row(
        "real: bigbuckbunny.mp4",
        real("bigbuckbunny.mp4"),
        Expect(((426, 240), (256, 144)), 132, seconds=5.312, layout="stereo", likeness=28.0),
    ),
    Row(
        "real: bikes.mp4",
        real("bikes.mp4"),
        Expect(((564, 240), (338, 144)), 250, seconds=10, silent=True, likeness=28.0),
    ),
    Row(
        "real: bottle-detection.mp4",
        real("bottle-detection.mp4"),
        Expect(((426, 240), (256, 144)), 1189, seconds=39.855, silent=True),
    ),
    Row(
        "real: cockatoo.mp4",
        real("cockatoo.mp4"),
        Expect(((426, 240), (256, 144)), 280, seconds=14, layout="mono"),
    ),
    Row(
        "real: newtonscradle.gif",
        real("newtonscradle.gif"),
        Expect(((200, 150), (192, 144)), 36, silent=True),
        small(150, 144),
    ),
)
ROWS = (
    _row(
        "one frame",
        brief("a.mp4", "25", 1, sound=False),
        frames=1,
        seconds=0.04,
        sync=False,
        silent=True,
        times=(0,),
    ),
    _row(
        "one frame, MKV",
        brief("a.mkv", "25", 1, sound=False),
        frames=1,
        seconds=None,
        sync=False,
        silent=True,
    ),
    _row(
        "one frame, GIF",
        brief("a.gif", "25", 1, sound=False, video=()),
        frames=1,
        seconds=None,
        sync=False,
        silent=True,
    ),
    _row("0.04 s, with sound", brief("a.mp4", "25", 1), frames=1, seconds=0.04, sync=False),
    _row("two frames", brief("a.mp4", "25", 2), frames=2, seconds=0.08, sync=False),
    _row(
        "4 minutes",
        repeated("a.mkv", Clip(seconds=20, size="64x48", rate="5"), 12, sound=True),
        frames=1200,
        seconds=240,
    ),
    _row(
        "3 hours",
        repeated("a.mp4", HOURS, 180, sound=False),
        frames=10_800,
        seconds=10_800,
        sync=False,
        silent=True,
    ),
    _row("timecode track", timecoded),
    _row("data stream", with_data),
    _row("attached font", attached),
    _row("two pictures, the first is the default", two_pictures("a.mkv", 0)),
    _row("two pictures, the second is the default", two_pictures("a.mkv", 1)),
    _row("two pictures, MP4", two_pictures("a.mp4", 0)),
    _row("two programmes", two_programs),
    *(REAL if SHARED.is_dir() else ()),
)
