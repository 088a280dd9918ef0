"""What the tools can do here: versions, encoders and filters, and which encoder really works."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import ffmpeg

from pipeline.media.errors import MediaError
from pipeline.media.process import run
from pipeline.media.tools import version
from pipeline.plan.codecs import ENCODERS
from pipeline.plan.commands import QUIET, compiled

if TYPE_CHECKING:
    from pathlib import Path

    from pipeline.media.tools import Tools
    from pipeline.settings.profiles import Encoder, VideoCodec

#: Encoding a few tiny frames takes a moment; a driver that hangs is no driver, seconds.
TRIAL_TIMEOUT_S = 20.0
#: The size of a trial frame: hardware encoders refuse very small ones.
TRIAL = "color=black:size=256x256:rate=25:duration=0.2"
_LISTED = re.compile(r"^ [A-Z.]{2,6} ([a-z0-9_]+) ", re.MULTILINE)


@dataclass(frozen=True)
class Capabilities:
    """What the tools say of themselves. A listed encoder need not work: see `encodes`."""

    ffmpeg: str
    ffprobe: str
    packager: str
    encoders: frozenset[str]
    filters: frozenset[str]


def capabilities(tools: Tools) -> Capabilities:
    """Ask the tools. Raises `MediaError` (`tool_missing`) naming one that can't be run."""
    return Capabilities(
        ffmpeg=version(tools.ffmpeg),
        ffprobe=version(tools.ffprobe),
        packager=version(tools.packager),
        encoders=_listed(tools.ffmpeg, "-encoders"),
        filters=_listed(tools.ffmpeg, "-filters"),
    )


def encodes(program: Path, encoder: str) -> bool:
    """Whether this machine can encode with it: a few frames are, which alone tells.

    `h264_nvenc` is listed without a driver too, and fails when it is opened.
    """
    made = ffmpeg.output(
        ffmpeg.input(TRIAL, f="lavfi"), "pipe:1", **{"c:v": encoder}, pix_fmt="yuv420p", f="null"
    ).global_args(*QUIET)
    done = run(compiled(made, program), timeout_s=TRIAL_TIMEOUT_S)
    return done.returncode == 0


@lru_cache(maxsize=32)
def working_encoder(program: Path, codec: VideoCodec, wanted: Encoder) -> str:
    """Give ffmpeg's name of the encoder a profile wants for a codec; the processor's for `auto`.

    Raises `MediaError` (`tool_missing`) when none works, naming what was tried.
    """
    name = ENCODERS[codec].get("cpu" if wanted == "auto" else wanted)
    if name is not None and encodes(program, name):
        return name
    raise MediaError(
        "tool_missing",
        f"{program} can't encode {codec} with {name or wanted} on this machine.",
        "Choose another `encoder` in profiles.yml, or name another ffmpeg under `tools` in "
        "pipeline.yml.",
    )


def _listed(program: Path, what: str) -> frozenset[str]:
    done = run([str(program), "-hide_banner", what], timeout_s=TRIAL_TIMEOUT_S, keep_output=True)
    return frozenset(_LISTED.findall(done.output.decode("utf-8", "replace")))
