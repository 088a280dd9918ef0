"""Clips made by ffmpeg in about a second, and what is asked of files."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from functools import lru_cache
from pathlib import Path
from typing import Any

from pipeline.media.tools import Tools, find_tools
from pipeline.settings.pipeline import ToolPaths

#: Stand-ins for the real clips: as large, as long, as many frames, with the same sound.
STAND_INS = {
    "bigbuckbunny.mp4": (
        *("-f", "lavfi", "-i", "testsrc2=s=1280x720:r=25", "-f", "lavfi", "-i", "sine=r=48000"),
        *("-frames:v", "132", "-t", "5.312", "-ac", "6", "-c:a", "aac"),
    ),
    "bikes.mp4": ("-f", "lavfi", "-i", "testsrc2=s=640x272:r=25", "-frames:v", "250"),
    "bottle-detection.mp4": (
        *("-f", "lavfi", "-i", "testsrc2=s=640x360:r=179/6", "-frames:v", "1189"),
    ),
    "cockatoo.mp4": (
        *("-f", "lavfi", "-i", "testsrc2=s=1280x720:r=20", "-f", "lavfi", "-i", "sine=r=48000"),
        *("-frames:v", "280", "-t", "14", "-ac", "1", "-c:a", "libmp3lame"),
    ),
    "newtonscradle.gif": (
        *("-f", "lavfi", "-i", "testsrc2=s=200x150:r=20", "-frames:v", "36"),
        *("-vf", r"setpts=if(gt(N\,30)\,PTS+(N-30)*0.1/TB\,PTS)", "-fps_mode", "passthrough"),
    ),
}
#: Real clips, beside the project where they are lent; `REELWORKS_CLIPS` names another place.
SHARED = Path(os.environ.get("REELWORKS_CLIPS", Path(__file__).parents[2] / "shared/media"))

#: What tools inherit: pytest names each test in a variable, and while it sets one, a thread beside
#: can't begin a program with the variables as they are ("Bad address").
ENVIRONMENT = dict(os.environ)


@lru_cache(maxsize=1)
def tools() -> Tools:
    return find_tools(ToolPaths())


def ffmpeg(*arguments: str) -> None:
    """Run ffmpeg quietly; it must succeed."""
    argv = [str(tools().ffmpeg), "-nostdin", "-hide_banner", "-loglevel", "error", "-y", *arguments]
    subprocess.run(argv, check=True, timeout=120, env=ENVIRONMENT)


@lru_cache(maxsize=len(STAND_INS))
def shared(name: str) -> Path:
    """Find a real clip; where they are not lent, make a stand-in with the same facts."""
    if (SHARED / name).is_file():
        return SHARED / name
    made = Path(tempfile.gettempdir()) / f"reelworks-tests-{os.getuid()}" / name
    if not made.is_file():
        made.parent.mkdir(exist_ok=True)
        unfinished = made.with_name(f"{os.getpid()}-{name}")
        codec = () if made.suffix == ".gif" else ("-c:v", "libx264", "-preset", "ultrafast")
        ffmpeg(*STAND_INS[name], *codec, str(unfinished))
        unfinished.replace(made)
    return made


def make_clip(
    path: Path, *, seconds: float = 2, size: str = "320x240", rate: str = "25", seed: int = 0
) -> Path:
    """Make a clip with picture and sound; another `seed` gives other content."""
    path.parent.mkdir(parents=True, exist_ok=True)
    ffmpeg(
        *("-f", "lavfi", "-i", f"testsrc2=s={size}:r={rate}:d={seconds}"),
        *("-f", "lavfi", "-i", f"sine=f={440 + seed}:r=48000:d={seconds}"),
        *("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p"),
        *("-c:a", "aac", "-metadata", f"comment={seed}", str(path)),
    )
    return path


def streams(path: Path) -> list[dict[str, Any]]:
    """List a file's streams as ffprobe sees them, packets counted."""
    argv = [str(tools().ffprobe), "-loglevel", "error", "-count_packets", "-show_streams"]
    told = subprocess.run(
        [*argv, "-of", "json", str(path)],
        check=True,
        timeout=60,
        capture_output=True,
        env=ENVIRONMENT,
    )
    found: list[dict[str, Any]] = json.loads(told.stdout)["streams"]
    return found
