"""Times: frame rates, changing ones, where clocks begin, edit lists, and no drift over a minute."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.media import ffmpeg
from tests.sources.picture import AAC, X264, Clip, copied, encode
from tests.sources.row import Expect, Patches, Row

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

CLIP = Clip()
#: What encoders put before the sound, where the container has no way to say so: seconds.
PRIMING_S = 1024 / 48_000
OPUS = ("-c:a", "libopus", "-b:a", "64k")
B_FRAMES = (*X264, "-preset", "veryfast", "-bf", "3", "-x264-params", "b-adapt=0")
OPEN_GOP = (*B_FRAMES[:-1], "b-adapt=0:open-gop=1:keyint=12:scenecut=0:b-pyramid=0")
VARYING = "settb=1/1000,setpts=(N+0.3*mod(N\\,3))/25/TB"


def at_rate(
    rate: str,
    name: str = "a.mp4",
    seconds: float = 3.0,
    size: str = "320x240",
    video: tuple[str, ...] = X264,
    audio: tuple[str, ...] = AAC,
    lead_s: float = 0,
) -> Row:
    """Frames come where the rate has them, `lead_s` after the sound's first packet."""
    clip = Clip(seconds=seconds, size=size, rate=rate)
    times = (0.0, *(float(n / clip.fps) + lead_s for n in range(1, clip.frames)))
    expect = Expect(
        frames=clip.frames,
        seconds=float(clip.frames / clip.fps),
        times=times,
        patches=Patches(),
        sync=True,
        moments=clip.moments,
    )
    kind = f"{rate} frames a second, {name.rpartition('.')[2]}"
    return Row(
        f"{kind}, {seconds:g} s" if seconds != 3 else kind,
        lambda folder: encode(folder / name, clip, video=video, audio=audio),
        expect,
    )


def kept(
    make: Callable[[Path], Path],
    name: str,
    *,
    frames: int = 75,
    seconds: float = 3,
    moments: tuple[float, ...] = CLIP.moments,
    short: int = 0,
) -> Row:
    expect = Expect(
        frames=frames,
        frames_short=short,
        seconds=seconds,
        patches=Patches(),
        sync=True,
        moments=moments,
    )
    return Row(name, make, expect)


def moved(
    name: str, *after: str, video: tuple[str, ...] = B_FRAMES, audio: tuple[str, ...] = AAC
) -> Callable[[Path], Path]:
    """A clip whose streams are copied with options about times."""
    return lambda folder: copied(
        folder / name, encode(folder / "first.mp4", video=video, audio=audio), after=after
    )


def cut(name: str, at_s: str, *after: str) -> Callable[[Path], Path]:
    """A clip cut without encoding: in MP4, an edit list hides what lies before."""

    def make(folder: Path) -> Path:
        first = encode(folder / "first.mp4", Clip(seconds=4), video=B_FRAMES)
        return copied(folder / name, first, "-ss", at_s, after=after)

    return make


def apart(name: str, *, picture_s: float = 0, sound_s: float = 0) -> Callable[[Path], Path]:
    """A clip whose picture or sound begins late: what comes before was cut away from it."""

    def make(folder: Path) -> Path:
        path = folder / name
        look = f"trim=start={picture_s},setpts=PTS+0/TB" if picture_s else "null"
        hear = f"atrim=start={sound_s}" if sound_s else "anull"
        ffmpeg(
            *("-f", "lavfi", "-i", CLIP.picture(), "-f", "lavfi", "-i", CLIP.sound()),
            *("-map", "0:v", "-map", "1:a", "-vf", look, "-af", hear, *X264, *AAC),
            *("-copyts", "-start_at_zero", "-avoid_negative_ts", "disabled", str(path)),
        )
        return path

    return make


def in_bursts(folder: Path) -> Path:
    """A recording whose sound was noted as it came: fourteen packets at a time."""
    first = encode(folder / "first.mkv", Clip(seconds=6))
    noted = "setts=ts='floor(max(PTS*TB,0)/0.3)*0.3/TB+mod(N,14)'"
    return copied(folder / "a.mkv", first, after=("-bsf:a", noted))


def late_picture(folder: Path) -> Path:
    """A WMV whose picture begins a second after its sound."""
    path = folder / "a.wmv"
    coded = ("-c:v", "wmv2", "-q:v", "2", "-c:a", "wmav2")
    ffmpeg(
        *("-f", "lavfi", "-i", CLIP.picture(), "-f", "lavfi", "-i", CLIP.sound()),
        *("-map", "0:v", "-map", "1:a", "-vf", "trim=start=1,setpts=PTS", *coded, "-copyts"),
        str(path),
    )
    return path


def slides(folder: Path) -> Path:
    """Three pictures, two seconds each."""
    path = folder / "a.mp4"
    clip = Clip(seconds=6, rate="1/2")
    return encode(path, clip, video=(*X264, "-bf", "0"))


def varying(name: str, video: tuple[str, ...] = X264) -> Row:
    times = tuple((n + 0.3 * (n % 3)) / 25 for n in range(75))
    clip = Clip()
    moments = tuple(times[n] for n in range(12, 75, 25))
    expect = Expect(frames=75, times=times, patches=Patches(), moments=moments)

    def make(folder: Path) -> Path:
        return encode(
            folder / name,
            clip,
            look=VARYING,
            video=video,
            audio=None,
            last=("-fps_mode", "passthrough", "-enc_time_base", "1:1000"),
        )

    return Row(f"changing distances of frames, {name.rpartition('.')[2]}", make, expect)


def two_rates(folder: Path) -> Path:
    """Half a clip at 10 frames a second, then at 50, as screen recordings have it."""
    parts = []
    for rate in (10, 50):
        clip = Clip(seconds=2, rate=str(rate))
        parts.append(
            encode(folder / f"{rate}.mkv", clip, video=(*X264, "-bf", "0"), audio=("-c:a", "flac"))
        )
    listing = folder / "list.txt"
    listing.write_text("".join(f"file '{part.name}'\n" for part in parts))
    path = folder / "a.mkv"
    ffmpeg("-f", "concat", "-i", str(listing), "-c", "copy", str(path))
    return path


TWO = tuple(0.1 * n for n in range(20)) + tuple(2 + 0.02 * n for n in range(100))
LONG = "160x120"
MINUTE = Clip(seconds=60, size=LONG, rate="30000/1001")
WEBM = ("-c:v", "libvpx", "-b:v", "1M", "-deadline", "realtime", "-cpu-used", "8", "-threads", "1")
MPEG2 = ("-c:v", "mpeg2video", "-q:v", "3", "-g", "12", "-bf", "2")
ROWS = (
    at_rate("24000/1001"),
    at_rate("24000/1001", "a.mkv"),
    at_rate("24"),
    at_rate("30000/1001"),
    at_rate("30000/1001", "a.ts", lead_s=PRIMING_S),
    at_rate("50"),
    at_rate("60000/1001"),
    at_rate("60000/1001", "a.mkv"),
    at_rate("120"),
    at_rate("1", seconds=8),
    at_rate("1", "a.mkv", seconds=8),
    at_rate("25/2", seconds=4),
    at_rate("15", "a.webm", video=WEBM, audio=OPUS),
    at_rate("24000/1001", seconds=60, size=LONG),
    at_rate("30000/1001", "a.ts", seconds=60, size=LONG, lead_s=PRIMING_S),
    kept(
        lambda folder: encode(folder / "a.mpg", MINUTE, video=MPEG2, audio=("-c:a", "mp2")),
        "30000/1001 frames a second, mpg, 60 s",
        frames=MINUTE.frames,
        seconds=60,
        moments=MINUTE.moments,
    ),
    Row(
        "slideshow",
        slides,
        Expect(frames=3, seconds=6, times=(0, 2, 4), patches=Patches(), sync=True),
    ),
    varying("a.mp4"),
    varying("a.mkv"),
    varying("a.webm", WEBM),
    Row(
        "two frame rates, one after the other",
        two_rates,
        Expect(frames=120, times=TWO, patches=Patches(), sync=True),
    ),
    kept(lambda folder: encode(folder / "a.mp4", video=B_FRAMES), "B-frames at the start, mp4"),
    kept(lambda folder: encode(folder / "a.mkv", video=B_FRAMES), "B-frames at the start, mkv"),
    kept(lambda folder: encode(folder / "a.ts", video=B_FRAMES), "B-frames at the start, ts"),
    kept(lambda folder: encode(folder / "a.flv", video=B_FRAMES), "B-frames at the start, flv"),
    kept(
        lambda folder: encode(folder / "a.mxf", video=B_FRAMES, audio=("-c:a", "pcm_s16le")),
        "B-frames at the start, mxf",
    ),
    kept(
        lambda folder: encode(
            folder / "a.mp4",
            video=B_FRAMES,
            last=("-movflags", "negative_cts_offsets", "-use_editlist", "0"),
            audio=("-c:a", "flac"),
        ),
        "B-frames without an edit list",
    ),
    kept(lambda folder: encode(folder / "a.mp4", video=OPEN_GOP), "open GOP, mp4"),
    kept(lambda folder: encode(folder / "a.ts", video=OPEN_GOP), "open GOP, ts"),
    kept(
        lambda folder: encode(folder / "a.mpg", video=MPEG2, audio=("-c:a", "mp2")), "open GOP, mpg"
    ),
    kept(
        cut("a.mp4", "0.6"),
        "edit list that hides the beginning",
        frames=85,
        seconds=3.4,
        moments=(0.88, 1.88, 2.88),
        short=1,
    ),
    kept(
        cut("a.mov", "1.28"),
        "edit list that hides the beginning, mov",
        frames=68,
        seconds=2.72,
        moments=(0.2, 1.2, 2.2),
        short=1,
    ),
    kept(
        moved("a.mp4", "-output_ts_offset", "2", "-avoid_negative_ts", "disabled"),
        "late first timestamps, mp4",
    ),
    kept(moved("a.mkv", "-output_ts_offset", "5"), "late first timestamps, mkv"),
    kept(moved("a.ts", "-output_ts_offset", "3600"), "late first timestamps, ts"),
    kept(moved("a.flv", "-output_ts_offset", "4"), "late first timestamps, flv"),
    kept(moved("a.nut", "-output_ts_offset", "36000"), "late first timestamps, nut"),
    kept(
        moved("a.mp4", "-output_ts_offset", "-1", "-avoid_negative_ts", "disabled"),
        "negative first timestamps, mp4",
        frames=50,
        seconds=2,
        moments=(0.48, 1.48),
    ),
    kept(
        moved("a.mov", "-output_ts_offset", "-1", "-avoid_negative_ts", "disabled"),
        "negative first timestamps, mov",
        frames=50,
        seconds=2,
        moments=(0.48, 1.48),
    ),
    kept(
        moved("a.ts", "-output_ts_offset", "95440", "-mpegts_copyts", "1"),
        "a clock that passes its end, ts",
    ),
    kept(apart("a.mp4", sound_s=0.32), "sound that begins after the picture, mp4"),
    kept(apart("a.mkv", sound_s=0.32), "sound that begins after the picture, mkv"),
    kept(apart("a.ts", sound_s=0.32), "sound that begins after the picture, ts"),
    kept(apart("a.mp4", picture_s=0.32), "sound that begins before the picture, mp4", frames=67),
    kept(apart("a.mkv", picture_s=0.32), "sound that begins before the picture, mkv", frames=67),
    kept(
        moved("a.flv", "-bsf:a", "noise=drop='between(pts*tb,0.7,0.75)+between(pts*tb,1.7,1.74)'"),
        "sound with small holes, flv",
    ),
    kept(
        in_bursts,
        "sound in bursts of 0.3 s, mkv",
        frames=150,
        seconds=6,
        moments=Clip(seconds=6).moments,
    ),
    Row(
        "sound that begins before the picture, wmv",
        late_picture,
        Expect(frames=50, seconds=3.046, patches=Patches()),
    ),
    kept(apart("a.ts", picture_s=0.32), "sound that begins before the picture, ts", frames=67),
)
