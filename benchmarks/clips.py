"""The clips that are measured: made by ffmpeg of a real one, or of a fractal if there is none."""

from __future__ import annotations

import hashlib
import os
import subprocess
import tempfile
from pathlib import Path

from pipeline.media.tools import find_tools
from pipeline.settings.pipeline import ToolPaths

#: Where real clips lie beside the project, where they are lent.
LENT = Path(os.environ.get("REELWORKS_CLIPS", Path(__file__).parents[2] / "shared" / "media"))
#: The film that encodes are measured on, seconds.
FILM_S = 21
#: x264's quality of the film: about 14 Mbit/s, what phones and cameras record 1080p30 at.
FILM_CRF, CLIP_CRF = 12, 18


def film() -> Path:
    """Give the film that all encodes are measured on: 1080p30 H.264 and stereo AAC, 21 seconds.

    It is `$REELWORKS_BENCH_CLIP`, else the lent clip of Big Buck Bunny, scaled and looped; else a
    fractal. It is made once, and kept in the folder for temporary files: another recipe or
    another clip is another file.
    """
    argv = _argv(FILM_S, "1920x1080", _named() or _lent(), FILM_CRF)
    origin = _named() or _lent()
    said = " ".join(argv) + (str(origin.stat().st_mtime_ns) if origin else "")
    digest = hashlib.sha256(said.encode()).hexdigest()[:12]
    made = Path(tempfile.gettempdir()) / f"reelworks-bench-{os.getuid()}" / f"film-{digest}.mp4"
    if not made.is_file():
        made.parent.mkdir(mode=0o700, exist_ok=True)
        unfinished = made.with_name(f"{os.getpid()}-{made.name}")
        subprocess.run([*argv, str(unfinished)], check=True)
        unfinished.replace(made)
    return made


def another(source: Path, target: Path, number: int) -> Path:
    """Copy an MP4 to `target` as other content: a box follows that every reader passes over."""
    box = b"free" + number.to_bytes(8, "big")
    target.write_bytes(source.read_bytes() + (4 + len(box)).to_bytes(4, "big") + box)
    return target


def clip(folder: Path, *, seconds: int, size: str) -> Path:
    """Make a clip of `size` (as 320x180) in the folder, of `$REELWORKS_BENCH_CLIP` or a fractal."""
    target = folder / "clip.mp4"
    subprocess.run([*_argv(seconds, size, _named(), CLIP_CRF), str(target)], check=True)
    return target


def _named() -> Path | None:
    named = os.environ.get("REELWORKS_BENCH_CLIP")
    return Path(named).absolute() if named else None


def _lent() -> Path | None:
    lent = LENT / "bigbuckbunny.mp4"
    return lent if lent.is_file() else None


def _argv(seconds: int, size: str, origin: Path | None, crf: int) -> list[str]:
    width, height = size.split("x")
    if origin is not None:
        source = ["-stream_loop", "-1", "-r", "30", "-i", f"file:{origin}"]
        fit = f"scale={width}:{height}:force_original_aspect_ratio=increase,crop={width}:{height}"
    else:
        # Zooming into a fractal with grain on it: movement and detail everywhere.
        source = ["-f", "lavfi", "-i", f"mandelbrot=s={size}:r=30"]
        fit = "noise=alls=12:allf=t"
    ffmpeg = str(find_tools(ToolPaths()).ffmpeg)
    tone = ["-f", "lavfi", "-i", "sine=f=440:r=48000"]
    made = ["-t", str(seconds), "-map", "0:v:0", "-map", "1:a", "-vf", f"{fit},format=yuv420p"]
    coded = ["-c:v", "libx264", "-preset", "veryfast", "-crf", str(crf), "-fps_mode", "cfr"]
    quiet = ["-nostdin", "-loglevel", "error", "-y"]
    return [ffmpeg, *quiet, *source, *tone, *made, *coded, "-c:a", "aac", "-ac", "2"]
