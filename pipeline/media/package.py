"""Package: HLS and DASH from the same CMAF segments, and a progressive MP4 for each picture."""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from pipeline.media.errors import MediaError, TransientMediaError, key_missing
from pipeline.media.manifests import correct_manifests
from pipeline.media.process import run
from pipeline.plan.argv import Muxed, mux_argv
from pipeline.plan.chapters import chapters_metadata, chapters_vtt, used_chapters
from pipeline.plan.encryption import flag_file
from pipeline.plan.names import (
    CHAPTERS,
    MASTER,
    MPD,
    progressive,
    rendition_step,
    sound_file,
    subtitle_file,
)
from pipeline.plan.packaging import package_argv

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from pydantic import SecretStr

    from pipeline.media.fence import Fence
    from pipeline.media.process import Completed, Progress
    from pipeline.media.tools import Tools
    from pipeline.plan.plan import Plan

    Tick = Callable[[Progress], None] | None

#: Kind of stream → where it begins.
STREAMS = {"hls": MASTER, "dash": MPD}
#: What every WebVTT file has that says anything.
CUE = "-->"


@dataclass(frozen=True)
class Packaged:
    """What was made: kind (`hls`, `dash`, `chapters`) → path relative to the output folder.

    `silent` names texts that say nothing, and were left out.
    """

    paths: dict[str, str] = field(default_factory=dict)
    log: str = ""
    silent: tuple[str, ...] = ()


@dataclass
class _Packing:
    """What every part of packaging needs."""

    tools: Tools
    plan: Plan
    inputs: Mapping[str, Path]
    staging: Path
    timeout_s: float | None
    on_tick: Tick
    key: SecretStr | None = None
    log: str = ""

    def run(self, tool: str, argv: list[str], fence: Fence, cwd: Path | None = None) -> None:
        done = run(argv, fence=fence, timeout_s=self.timeout_s, on_tick=self.on_tick, cwd=cwd)
        self.log += done.log
        if done.returncode:
            raise _failed(tool, done)


def package(
    tools: Tools,
    plan: Plan,
    inputs: Mapping[str, Path],
    staging: Path,
    *,
    key: SecretStr | None = None,
    timeout_s: float | None = None,
    on_tick: Tick = None,
) -> Packaged:
    """Fill `staging` with what the profile asks for; `inputs` maps each step to its encoded file.

    `key` is what the profile's encryption needs, 32 hexadecimal digits; the plan does not hold it.

    Raises `MediaError` (`packaging_failed`, `key_missing`), and what
    `pipeline.media.process.run` raises.
    """
    silent = tuple(
        text.name for text in plan.texts if CUE not in inputs[rendition_step(text.name)].read_text()
    )
    spoken = {
        step: path
        for step, path in inputs.items()
        if step not in {rendition_step(name) for name in silent}
    }
    packing = _Packing(tools, plan, spoken, staging, timeout_s, on_tick, key)
    paths = _streams(packing)
    _subtitles(packing)
    if used_chapters(plan):
        (staging / CHAPTERS).write_text(chapters_vtt(used_chapters(plan)), encoding="utf-8")
        paths["chapters"] = CHAPTERS
    if "mp4" in plan.profile.package:
        _progressive(packing)
    return Packaged(paths, packing.log, silent)


def _streams(packing: _Packing) -> dict[str, str]:
    kinds = packing.plan.profile.package
    if "hls" not in kinds and "dash" not in kinds:
        return {}
    staging = packing.staging
    (staging / "stream").mkdir()
    with _nearby(packing.inputs, staging) as near, _flags(packing) as flags:
        argv = package_argv(packing.tools.packager, packing.plan, near, flags)
        # Segments are counted and named as it goes: it has the folder for itself.
        reads = [*packing.inputs.values(), *([flags] if flags else [])]
        fence = packing.tools.fence(reads=reads, writes=[staging])
        packing.run("The packager", argv, fence, cwd=staging)
    correct_manifests(packing.plan, packing.inputs, staging)
    return {kind: path for kind, path in STREAMS.items() if kind in kinds}


def _subtitles(packing: _Packing) -> None:
    for text in packing.plan.texts:
        if rendition_step(text.name) in packing.inputs:
            target = packing.staging / subtitle_file(text.name)
            target.parent.mkdir(exist_ok=True)
            shutil.copyfile(packing.inputs[rendition_step(text.name)], target)


def _progressive(packing: _Packing) -> None:
    plan, inputs, staging = packing.plan, packing.inputs, packing.staging
    (staging / "mp4").mkdir()
    first = plan.profile.audio.codec[0]
    sounds = [(one, inputs[rendition_step(one.name)]) for one in plan.sounds if one.codec == first]
    texts = [
        (one, inputs[rendition_step(one.name)])
        for one in plan.texts
        if rendition_step(one.name) in inputs
    ]
    files = [
        Muxed(staging / progressive(one.name), inputs[rendition_step(one.name)], sounds)
        for one in plan.videos
    ]
    if not plan.videos:
        files = [Muxed(staging / sound_file(one[0].name), None, [one]) for one in sounds]
        texts = []
    with _chapters(packing) as chapters:
        tags = plan.source.tags
        argv = mux_argv(packing.tools.ffmpeg, files, texts, chapters=chapters, tags=tags)
        reads = [*inputs.values(), *([chapters] if chapters else [])]
        fence = packing.tools.fence(reads=reads, writes=[one.output for one in files])
        packing.run("ffmpeg", argv, fence)


@contextmanager
def _chapters(packing: _Packing) -> Iterator[Path | None]:
    """Give a file of the chapters for as long as it is needed; None without chapters."""
    chapters = used_chapters(packing.plan)
    if not chapters:
        yield None
        return
    with TemporaryDirectory(dir=packing.staging, prefix=".chapters-") as folder:
        path = Path(folder) / "chapters.txt"
        path.write_text(chapters_metadata(chapters), encoding="utf-8")
        yield path


@contextmanager
def _flags(packing: _Packing) -> Iterator[Path | None]:
    """Give a file with the key, which only we can read, for as long as it is needed."""
    wanted = packing.plan.profile.encryption
    if wanted is None:
        yield None
        return
    if packing.key is None:
        raise key_missing(wanted.key_id)
    with TemporaryDirectory(prefix="reelworks-") as folder:  # which nobody else may enter
        path = Path(folder) / "flags"
        path.touch(mode=0o600)
        path.write_text(flag_file(wanted, packing.key), encoding="utf-8")
        yield path


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


def _failed(tool: str, done: Completed) -> MediaError:
    if done.returncode < 0:
        return TransientMediaError(
            "packager_killed",
            f"{tool} was killed (signal {-done.returncode}) while it packaged the renditions.",
            "It is tried again; look whether the machine has run out of memory.",
        ).telling(done.log)
    lines = reversed(done.log.splitlines())
    last = next((line for line in lines if line.strip()), "it gave no reason")
    return MediaError(
        "packaging_failed",
        f"{tool} could not package the renditions: {last.strip()}",
        "`reelworks logs` shows all it said.",
    ).telling(done.log)
