"""What an output really is: read back by ffprobe, and by decoding it as a player does."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.plan.light import read_light
from tests.media import ENVIRONMENT, tools

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from pipeline.plan.source import ContentLight, Mastering

#: Decoded pictures are looked at in this many squares a side: a corner is four by four of them.
GRID = 16
#: Samples a second at which decoded sound is looked at.
HERTZ = 8000
#: What a decoding may take, seconds.
PATIENCE_S = 120


@dataclass(frozen=True)
class Shown:
    """What a player shows: each frame's time, seconds, and its colours in a grid; the sound.

    `frames` has the shape (frames, GRID, GRID, 3), levels of 255; `sound` is from time 0 on,
    samples at `HERTZ`, of full scale 1.
    """

    times: tuple[float, ...]
    frames: NDArray[np.float64]
    sound: NDArray[np.float64]

    def flashes(self) -> list[float]:
        """Give when the middle turns from dark to bright, seconds."""
        if not len(self.frames):
            return []
        middle = self.frames[:, 7:9, 7:9, :].mean(axis=(1, 2, 3))
        bright = middle > (middle.min() + middle.max()) / 2
        rises = np.flatnonzero(bright[1:] & ~bright[:-1]) + 1
        return [self.times[n] for n in rises]

    def beeps(self) -> list[float]:
        """Give when beeps begin, seconds: where loudness passes half of its peak."""
        if not len(self.sound):
            return []
        width = HERTZ // 500
        loud = np.convolve(np.abs(self.sound), np.ones(width) / width, mode="full")
        over = loud > max(loud.max() / 2, 0.02)
        rises = np.flatnonzero(over[1:] & ~over[:-1]) + 1
        found: list[float] = []
        for at in (float(n) / HERTZ for n in rises):
            if not found or at - found[-1] > 0.2:
                found.append(at)
        # Half the peak is reached about halfway through the smoothing window.
        return [at - width / 2 / HERTZ for at in found]


def streams(path: Path) -> dict[str, Any]:
    """Read container, streams, chapters and packets of a file or playlist."""
    argv = [str(tools().ffprobe), "-loglevel", "error", "-show_streams", "-show_format"]
    shown = ["-show_chapters", "-show_entries", "packet=stream_index,pts_time,flags", "-of", "json"]
    told = subprocess.run(
        [*argv, *shown, str(path)],
        check=True,
        timeout=PATIENCE_S,
        capture_output=True,
        env=ENVIRONMENT,
    )
    found: dict[str, Any] = json.loads(told.stdout)
    return found


def of_kind(told: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    """Give the streams of a kind (`video`, `audio`, `subtitle`)."""
    return [one for one in told["streams"] if one.get("codec_type") == kind]


def key_times(told: dict[str, Any]) -> list[float]:
    """Give when the key frames of the picture are shown, seconds, to the millisecond."""
    picture = {one["index"] for one in of_kind(told, "video")}
    return sorted(
        round(float(packet["pts_time"]), 3)
        for packet in told["packets"]
        if packet["stream_index"] in picture and "K" in packet["flags"]
    )


def light(path: Path) -> tuple[Mastering | None, ContentLight | None]:
    """Read what light a film's first frame says it was graded for."""
    argv = [str(tools().ffprobe), "-loglevel", "error", "-of", "json", "-show_frames"]
    argv += ["-select_streams", "v:0", "-read_intervals", "%+#1", str(path)]
    told = subprocess.run(
        argv, check=True, timeout=PATIENCE_S, capture_output=True, env=ENVIRONMENT
    )
    return read_light(json.loads(told.stdout))


def shown(path: Path, work: Path, *, picture: bool, sound: bool) -> Shown:
    """Decode a file or playlist: its pictures in small, its sound at a low rate, and all times."""
    stats, pixels, samples = work / "times.txt", work / "pixels.rgb", work / "samples.pcm"
    argv = [str(tools().ffmpeg), "-nostdin", "-loglevel", "error", "-y", "-copyts"]
    argv += ["-i", str(path)]
    if picture:
        small = f"scale={GRID}:{GRID}:flags=area,format=rgb24"
        argv += ["-map", "0:v:0", "-vf", small, "-fps_mode", "passthrough"]
        argv += ["-stats_enc_pre", str(stats), "-stats_enc_pre_fmt", "{t}"]
        argv += ["-enc_time_base", "1:90000", "-f", "rawvideo", str(pixels)]
    if sound:
        argv += ["-map", "0:a:0", "-af", f"aresample={HERTZ}:async=1:first_pts=0", "-ac", "1"]
        argv += ["-f", "s16le", "-c:a", "pcm_s16le", str(samples)]
    subprocess.run(argv, check=True, timeout=PATIENCE_S, capture_output=True, env=ENVIRONMENT)
    times: tuple[float, ...] = ()
    frames = np.zeros((0, GRID, GRID, 3))
    heard = np.zeros(0)
    if picture:
        times = tuple(float(line) for line in stats.read_text().split())
        frames = np.fromfile(pixels, dtype=np.uint8).reshape(-1, GRID, GRID, 3).astype(np.float64)
        pixels.unlink()
    if sound:
        heard = np.fromfile(samples, dtype="<i2").astype(np.float64) / 32768
        samples.unlink()
    return Shown(times, frames, heard)


def combed(path: Path, *, ratio: float = 1.3, columns: bool = False) -> float:
    """Give the share of frames whose lines (or columns) show two moments, by ffmpeg's `idet`."""
    look = "transpose," if columns else ""
    argv = [str(tools().ffmpeg), "-nostdin", "-hide_banner", "-i", str(path)]
    filters = ["-map", "0:v:0", "-vf", f"{look}idet=intl_thres={ratio}", "-f", "null", "-"]
    told = subprocess.run(
        [*argv, *filters], check=True, timeout=PATIENCE_S, capture_output=True, env=ENVIRONMENT
    )
    line = next(
        line for line in told.stderr.decode().splitlines() if "Multi frame detection" in line
    )
    counts = [int(word) for word in line.replace(":", " ").split() if word.isdigit()]
    top, bottom, progressive, undetermined = counts[-4:]
    return (top + bottom) / max(1, top + bottom + progressive + undetermined)


def likeness(made: Path, origin: Path, *, before: tuple[str, ...] = ()) -> float:
    """Compare an output with its source, scaled alike: the mean PSNR of brightness, decibels."""
    argv = [str(tools().ffmpeg), "-nostdin", "-hide_banner", *before, "-i", str(origin)]
    graph = (
        "[0:v][1:v]scale=w=rw:h=rh:flags=bicubic:out_range=tv[r],[r]format=yuv420p,settb=1/1000,"
        "setpts=N[a];[1:v]format=yuv420p,settb=1/1000,setpts=N[b];[a][b]psnr"
    )
    argv += ["-i", str(made), "-filter_complex", graph, "-f", "null", "-"]
    told = subprocess.run(
        argv, check=True, timeout=PATIENCE_S, capture_output=True, env=ENVIRONMENT
    )
    text = told.stderr.decode()
    value = text[text.rindex(" y:") + 3 :].split()[0]
    return 100.0 if value == "inf" else float(value)
