"""The wall time of a whole job, against shaka-streamer on the same ladder with HLS and DASH.

The same on both sides: the film, the rungs, x264 at preset `slow` (shaka-streamer knows no
other), key frames and segments of 4 s, stereo AAC at 128k, CMAF segments behind HLS and DASH with
lists of I-frames, by Shaka Packager. shaka-streamer is told the bitrates that our job's CRF came
to, for it knows only bitrates. What differs:

- shaka-streamer brings an ffmpeg of its own, and pipes it into the packager, so that both work at
  once; ours writes files between them.
- Ours decodes once for all rungs and scales each from the one above, theirs decodes once and
  scales each from the source.
- Ours also makes a poster, finds and fingerprints the file, keeps a history, and reads every
  output back; theirs does none of it.

The profile that Reelworks ships uses preset `medium`. That is what somebody who changes nothing
gets, so it is shown as well, without a goal: it is not the same work.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

import yaml

from benchmarks.clips import FILM_S, film
from benchmarks.costs import Cost, cost_of, run_quietly
from benchmarks.jobs import JobCost, cost_of_job
from benchmarks.report import Report

SIDES = (720, 480, 360, 240, 144)
CRF, GOP_S = 23, 4
#: What shaka-streamer gives to x264, and what our profiles do.
THEIR_PRESET, OUR_PRESET = "slow", "medium"
MOST_WALL = 0.65


def run() -> Report:
    """Measure ours, theirs, and ours at its own preset, once each, on the same film."""
    source = film()
    with tempfile.TemporaryDirectory(prefix="reelworks-bench-") as name:
        folder = Path(name)
        ours = cost_of_job(source, folder / "slow", _profile(THEIR_PRESET))
        theirs = _theirs(source, folder / "shaka", ours)
        shipped = cost_of_job(source, folder / "medium", _profile(OUR_PRESET))
    goal = "ours / shaka-streamer, wall"
    return Report(
        "shaka",
        {
            "shaka-streamer, CPU seconds": theirs.cpu_s,
            "shaka-streamer, wall seconds": theirs.wall_s,
            "ours, CPU seconds": ours.cpu_s,
            "ours, wall seconds from whole": ours.whole_s,
            "ours, wall seconds from drop": ours.dropped_s,
            "ours at medium, CPU seconds": shipped.cpu_s,
            "ours at medium, wall seconds from whole": shipped.whole_s,
            "ours / shaka-streamer, CPU": ours.cpu_s / theirs.cpu_s,
            "ours at medium / shaka-streamer, wall": shipped.whole_s / theirs.wall_s,
            goal: ours.whole_s / theirs.wall_s,
        },
        {goal: MOST_WALL},
        (
            f"{FILM_S}s of 1080p30 at 14 Mbit/s to {', '.join(f'{side}p' for side in SIDES)}, "
            f"x264 {THEIR_PRESET}, key frames every {GOP_S} s, AAC, HLS and DASH",
            "ours: from when the file has stayed as it is for settle_seconds to success",
            "shaka-streamer: its command, from start to end",
        ),
    )


def _profile(preset: str) -> dict[str, Any]:
    return {
        "video": {"ladder": list(SIDES), "preset": preset, "crf": CRF, "gop_seconds": GOP_S},
        "audio": {"codec": "aac", "bitrate": "128k"},
        "package": ["hls", "dash"],
    }


def _theirs(source: Path, folder: Path, ours: JobCost) -> Cost:
    folder.mkdir()
    inputs = [{"name": str(source), "media_type": kind} for kind in ("video", "audio")]
    names = [f"{side}p" for side in SIDES]
    pipeline = {
        "streaming_mode": "vod",
        "quiet": True,
        "resolutions": names,
        "channel_layouts": ["stereo"],
        "manifest_format": ["dash", "hls"],
        "segment_size": GOP_S,
        "generate_iframe_playlist": True,
    }
    sizes = {
        name: _size(side, ours.bitrates[name] // 1000)
        for name, side in zip(names, SIDES, strict=True)
    }
    # It must know the source's size by a name; nothing of that size is made.
    sizes["1080p"] = _size(1080, 4000)
    configs = {"input": {"inputs": inputs}, "pipeline": pipeline}
    argv = [str(Path(sys.executable).with_name("shaka-streamer")), "-o", str(folder / "output")]
    for kind, config in {**configs, "bitrate": {"video_resolutions": sizes}}.items():
        path = folder / f"{kind}.yaml"
        path.write_text(yaml.safe_dump(config))
        argv += [f"--{kind}-config", str(path)]
    cost = cost_of(lambda: run_quietly(argv))
    # Its exit code is 0 even where it refuses its configuration.
    made = {path.name for path in (folder / "output").glob("*")}
    playlists = {name for name in made if name.endswith(".m3u8")}
    if not {"hls.m3u8", "dash.mpd"} <= made or len(playlists) <= len(SIDES):
        raise RuntimeError(f"shaka-streamer did not make the ladder, only {sorted(made)}")
    return cost


def _size(side: int, kbps: int) -> dict[str, Any]:
    return {
        "max_width": -(-side * 16 // 9),
        "max_height": side,
        "bitrates": {"h264": f"{kbps}k"},
    }
