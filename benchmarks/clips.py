"""The clip that is measured: one that is named, or one that ffmpeg makes."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from pipeline.media.tools import find_tools
from pipeline.settings.pipeline import ToolPaths


def clip(folder: Path, *, seconds: int, size: str = "1920x1080") -> Path:
    """Give `$REELWORKS_BENCH_CLIP` scaled to `size` and looped, or a generated clip of that size.

    The picture of a real clip says more: set the variable to one. Both are H.264 with AAC.
    """
    target = folder / "clip.mp4"
    named = os.environ.get("REELWORKS_BENCH_CLIP")
    width, height = size.split("x")
    if named:
        source = ["-stream_loop", "-1", "-i", f"file:{Path(named).absolute()}"]
        fit = f"scale={width}:{height}:force_original_aspect_ratio=increase,crop={width}:{height}"
    else:
        # Zooming into a fractal with grain on it: movement and detail everywhere.
        source = ["-f", "lavfi", "-i", f"mandelbrot=s={size}:r=30"]
        fit = "noise=alls=12:allf=t"
    ffmpeg = str(find_tools(ToolPaths()).ffmpeg)
    tone = ["-f", "lavfi", "-i", "sine=f=440:r=48000"]
    made = ["-t", str(seconds), "-map", "0:v:0", "-map", "1:a", "-vf", f"{fit},format=yuv420p"]
    coded = ["-c:v", "libx264", "-preset", "veryfast", "-crf", "18", "-r", "30", "-c:a", "aac"]
    quiet = ["-nostdin", "-loglevel", "error", "-y"]
    argv = [ffmpeg, *quiet, *source, *tone, *made, *coded, str(target)]
    subprocess.run(argv, check=True)
    return target
