"""Package: HLS and DASH from the same CMAF segments, and a progressive MP4 for each rung."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from pipeline.media.errors import MediaError
from pipeline.media.process import run
from pipeline.plan.argv import mux_argv
from pipeline.plan.names import AUDIO_STEP, MASTER, MPD, progressive, rendition_step
from pipeline.plan.packaging import heard_by_default, package_argv

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from pipeline.media.process import Progress
    from pipeline.media.tools import Tools
    from pipeline.plan.plan import Plan


#: Kind of stream → where it begins.
STREAMS = {"hls": MASTER, "dash": MPD}


@dataclass(frozen=True)
class Packaged:
    """What was made: kind (`hls`, `dash`) → path relative to the output folder."""

    paths: dict[str, str]
    log: str


def package(
    tools: Tools,
    plan: Plan,
    inputs: Mapping[str, Path],
    staging: Path,
    *,
    timeout_s: float | None = None,
    on_tick: Callable[[Progress], None] | None = None,
) -> Packaged:
    """Fill `staging` with what the profile asks for; `inputs` maps each step to its encoded file.

    Raises `MediaError` (`packaging_failed`), and what `pipeline.media.process.run` raises.
    """
    kinds = plan.profile.package
    paths: dict[str, str] = {}
    log = ""
    if "hls" in kinds or "dash" in kinds:
        (staging / "stream").mkdir()
        with _nearby(inputs, staging) as near:
            argv = package_argv(tools.packager, plan, near)
            # It reports nothing while it works.
            done = run(argv, timeout_s=timeout_s, stall_s=None, on_tick=on_tick, cwd=staging)
        log += done.log
        if done.returncode:
            raise _failed("The packager", done.log)
        if "hls" in kinds:
            master = staging / MASTER
            master.write_text(heard_by_default(master.read_text()))
        paths = {kind: path for kind, path in STREAMS.items() if kind in kinds}
    if "mp4" in kinds:
        (staging / "mp4").mkdir()
        for rung in plan.rungs:
            video, audio = inputs[rendition_step(rung.name)], inputs.get(AUDIO_STEP)
            argv = mux_argv(tools.ffmpeg, video, audio, staging / progressive(rung.name))
            # Bringing the index to the front copies the whole file once more, without a word.
            done = run(argv, timeout_s=timeout_s, stall_s=None, on_tick=on_tick)
            log += done.log
            if done.returncode:
                raise _failed("ffmpeg", done.log)
    return Packaged(paths, log)


@contextmanager
def _nearby(inputs: Mapping[str, Path], staging: Path) -> Iterator[dict[str, Path]]:
    """Give the inputs names that the packager's comma-separated descriptors can hold.

    The folders people choose may have commas and equals signs in their names; these don't.
    """
    with TemporaryDirectory(dir=staging, prefix=".inputs-") as folder:
        near = {}
        for number, (step, file) in enumerate(inputs.items()):
            link = Path(folder) / f"{number}{file.suffix}"
            link.symlink_to(file.absolute())
            near[step] = link.relative_to(staging)
        yield near


def _failed(tool: str, log: str) -> MediaError:
    last = next((line for line in reversed(log.splitlines()) if line.strip()), "it gave no reason")
    return MediaError(
        "packaging_failed",
        f"{tool} could not package the renditions: {last.strip()}",
        "`reelworks logs` shows all it said.",
    )
