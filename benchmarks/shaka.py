"""The wall time of a whole job, against shaka-streamer on the same ladder with HLS and DASH.

The same on both sides: the film, the rungs, x264 at preset `slow` (shaka-streamer's code knows no
other for films, and no setting changes it), key frames and segments of 4 s, stereo AAC at 128k,
CMAF segments behind HLS and DASH with lists of I-frames, by Shaka Packager. shaka-streamer is told
the bitrates that our job's CRF came to, for it knows only bitrates. What differs:

- shaka-streamer brings an ffmpeg of its own, and pipes it into the packager, so that both work at
  once; ours writes files between them.
- Ours decodes once for all rungs and scales each from the one above, theirs decodes once and
  scales each from the source.
- Ours also makes a poster, finds and fingerprints the file, keeps a history, and reads every
  output back; theirs does none of it.

The profile that Reelworks ships uses preset `medium`. That is what somebody who changes nothing
gets, so it is shown as well, as shipped against as shipped. The goal is held against the same
preset all the same: the other is not the same work.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from benchmarks.clips import FILM_S, another, film
from benchmarks.costs import Cost, cost_of, load, median_of, rounds, run_quietly
from benchmarks.jobs import JobCost, jobs
from benchmarks.report import Report

if TYPE_CHECKING:
    from collections.abc import Sequence

SIDES = (720, 480, 360, 240, 144)
CRF, GOP_S = 23, 4
#: What shaka-streamer gives to x264, and what our profiles do.
THEIR_PRESET, OUR_PRESET = "slow", "medium"
MOST_WALL = 0.65


def run() -> Report:
    """Measure ours, theirs, and ours at its own preset in turn, and take the medians."""
    same: list[JobCost] = []
    shipped: list[JobCost] = []
    theirs: list[Cost] = []
    before = load()
    with tempfile.TemporaryDirectory(prefix="reelworks-bench-") as name:
        folder = Path(name)
        with (
            jobs(folder / "slow", _profile(THEIR_PRESET)) as slow,
            jobs(folder / "medium", _profile(OUR_PRESET)) as medium,
        ):
            for number in range(rounds()):
                source = another(film(), folder / f"film-{number}.mp4", number)
                same.append(slow.cost(source))
                theirs.append(_theirs(source, folder / f"shaka-{number}", same[-1]))
                shipped.append(medium.cost(source))
    goal = "ours / shaka-streamer, wall"
    return Report(
        "shaka",
        {
            "shaka-streamer, CPU seconds": median_of(one.cpu_s for one in theirs),
            "shaka-streamer, wall seconds": median_of(one.wall_s for one in theirs),
            "ours, CPU seconds": median_of(one.cpu_s for one in same),
            "ours, wall seconds": median_of(one.wall_s for one in same),
            "ours as shipped, CPU seconds": median_of(one.cpu_s for one in shipped),
            "ours as shipped, wall seconds": median_of(one.wall_s for one in shipped),
            "ours / shaka-streamer, CPU": _ratio(same, theirs, "cpu_s"),
            "ours as shipped / shaka-streamer, CPU": _ratio(shipped, theirs, "cpu_s"),
            "ours as shipped / shaka-streamer, wall": _ratio(shipped, theirs, "wall_s"),
            goal: _ratio(same, theirs, "wall_s"),
            "rounds": len(theirs),
            "load before": before,
            "load after": load(),
        },
        {goal: MOST_WALL},
        (
            f"{FILM_S}s of 1080p30 at 14 Mbit/s to {', '.join(f'{side}p' for side in SIDES)}, "
            f"x264 {THEIR_PRESET}, key frames every {GOP_S} s, AAC, HLS and DASH",
            f"ours: from the drop to success; as shipped: the same at {OUR_PRESET}",
            "shaka-streamer: its command, from start to end",
            "medians of rounds, and of their ratios",
        ),
    )


def _ratio(ours: Sequence[JobCost], theirs: Sequence[Cost], figure: str) -> float:
    pairs = zip(ours, theirs, strict=True)
    return median_of(getattr(one, figure) / getattr(other, figure) for one, other in pairs)


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
