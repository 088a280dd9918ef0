"""Clips made by ffmpeg in about a second, and what is asked of files."""

from __future__ import annotations

import json
import subprocess
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from pipeline.media.tools import Tools, find_tools
from pipeline.settings.pipeline import ToolPaths

if TYPE_CHECKING:
    from pathlib import Path


@lru_cache(maxsize=1)
def tools() -> Tools:
    return find_tools(ToolPaths())


def ffmpeg(*arguments: str) -> None:
    """Run ffmpeg quietly; it must succeed."""
    argv = [str(tools().ffmpeg), "-nostdin", "-hide_banner", "-loglevel", "error", "-y", *arguments]
    subprocess.run(argv, check=True, timeout=120)


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
        [*argv, "-of", "json", str(path)], check=True, timeout=60, capture_output=True
    )
    found: list[dict[str, Any]] = json.loads(told.stdout)["streams"]
    return found
