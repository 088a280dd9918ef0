"""The demo's private system: a folder of its own with configuration, inbox and results."""

from __future__ import annotations

import os
import re
import shutil
import time
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

from pipeline.errors import ReelworksError
from pipeline.ingest.candidate import is_candidate
from pipeline.media.process import run
from pipeline.media.tools import find_tools
from pipeline.settings.load import OVERRIDES, PROFILES, load_settings
from pipeline.stack.ports import free_port

if TYPE_CHECKING:
    from pipeline.settings.load import Settings

#: How many former demos are kept, for looking at what they made.
KEPT = 4
#: What the folder of a demo is called: its time, and a number for a second one in a second.
_NAME = re.compile(r"\d{4}-\d{2}-\d{2}-\d{6}(-\d+)?")
#: The generated clip: seconds, size and pictures a second.
CLIP_S = 10
CLIP_SIZE = "1280x720"
CLIP_RATE = 30
#: Making it takes a second or two.
CLIP_TIMEOUT_S = 120
#: What the user may still override in a private system: which programs to use.
_KEPT_OVERRIDES = frozenset({"REELWORKS_FFMPEG", "REELWORKS_FFPROBE", "REELWORKS_PACKAGER"})


def private_settings(settings: Settings, folder: Path) -> Settings:
    """Write a configuration into `folder` and load it: the user's profiles, everything else new.

    Addresses the environment gives for broker, database and folders are taken out of it, so that
    nothing of the private system touches another one. Raises `ConfigurationError`.
    """
    import yaml

    config = folder / "config"
    config.mkdir(parents=True)
    shutil.copyfile(settings.config_dir / PROFILES, config / PROFILES)
    pipeline = settings.pipeline
    profile = pipeline.watch[0].profile if pipeline.watch else "web"
    document = {
        "paths": {name: f"./{name}" for name in ("library", "work", "state")},
        "watch": [{"path": "./inbox", "profile": profile, "settle_seconds": 0.5}],
        "web": {"listen": f"127.0.0.1:{free_port()}"},
        "flower": {"listen": f"127.0.0.1:{free_port()}"},
        "workers": {"encode": pipeline.workers.encode, "package": pipeline.workers.package},
        "tools": {name: str(path) for name, path in pipeline.tools if path is not None},
        "limits": pipeline.limits.model_dump(mode="json"),
    }
    text = yaml.safe_dump(document, sort_keys=False)
    (config / "pipeline.yml").write_text(text, encoding="utf-8")
    for variable in OVERRIDES.keys() - _KEPT_OVERRIDES:
        os.environ.pop(variable, None)
    os.environ["REELWORKS_CONFIG"] = str(config)
    return load_settings(config)


def new_folder(parent: Path) -> Path:
    """Name a folder for one demo, after the time; it is made by whoever writes into it."""
    name = time.strftime("%Y-%m-%d-%H%M%S")
    folder = parent / name
    number = 2
    while folder.exists():
        folder = parent / f"{name}-{number}"
        number += 1
    return folder


def forget_old(parent: Path, keep: int = KEPT) -> list[Path]:
    """Remove the folders of former demos but the newest `keep`; returns what was removed."""
    found = parent.iterdir() if parent.is_dir() else ()
    demos = sorted(path for path in found if _NAME.fullmatch(path.name) and path.is_dir())
    old = demos[: max(len(demos) - keep, 0)]
    for folder in old:
        shutil.rmtree(folder, ignore_errors=True)
    return old


def make_clip(settings: Settings, path: Path) -> None:
    """Make a moving test picture with a tone. Raises `MediaError` when there is no ffmpeg."""
    import ffmpeg

    picture = ffmpeg.input(f"testsrc2=size={CLIP_SIZE}:rate={CLIP_RATE}", f="lavfi", t=CLIP_S)
    tone = ffmpeg.input("sine=frequency=440:sample_rate=48000", f="lavfi", t=CLIP_S)
    options = {"vcodec": "libx264", "preset": "ultrafast", "pix_fmt": "yuv420p", "acodec": "aac"}
    output = ffmpeg.output(picture, tone, str(path), **options).overwrite_output()
    tools = find_tools(settings.pipeline.tools)
    argv = ffmpeg.compile(output.global_args("-nostdin", "-v", "error"), cmd=str(tools.ffmpeg))
    done = run(argv, fence=tools.fence(writes=[path]), timeout_s=CLIP_TIMEOUT_S)
    if done.returncode:
        raise ReelworksError("encoder_failed", f"The test clip could not be made: {done.log}")


def check_name(name: str, settings: Settings) -> None:
    """Raise `ReelworksError` (`usage`) for a name that the watched folder would not take."""
    folder = settings.pipeline.watch[0]
    if not is_candidate(PurePath(name), folder):
        raise ReelworksError(
            "usage",
            f"A watched folder takes no file of the name {name}.",
            f"Give it a name that ends in one of {' '.join(folder.extensions)}.",
        )


def drop(file: Path, settings: Settings) -> Path:
    """Copy a file into the inbox, where it appears whole under its own name.

    Raises `ReelworksError` (`unreadable`) when it can't be copied.
    """
    inbox = settings.pipeline.watch[0].path
    inbox.mkdir(parents=True, exist_ok=True)
    draft = inbox / ".copying"  # not longer than the file's own name, which may be all there is
    try:
        shutil.copyfile(file, draft)
        return draft.rename(inbox / file.name)
    except OSError as problem:
        raise ReelworksError(
            "unreadable",
            f"{file} can't be copied into {inbox}: {problem.strerror}.",
            "Look whether the file may be read, and whether there is space for a copy.",
        ) from problem
