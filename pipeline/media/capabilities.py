"""What the tools can do here: versions, encoders and filters, and which encoder really works."""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import ffmpeg

from pipeline.media.errors import MediaError, TransientMediaError
from pipeline.media.fence import Fence
from pipeline.media.process import KILLED, run
from pipeline.media.tools import version
from pipeline.plan.codecs import ENCODERS
from pipeline.plan.commands import QUIET, compiled
from pipeline.plan.hardware import KINDS, kind_of, trial_argv

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pipeline.media.tools import Tools
    from pipeline.plan.hardware import Hardware
    from pipeline.settings.profiles import VideoCodec

logger = logging.getLogger(__name__)

#: Encoding a few tiny frames takes a moment; a driver that hangs is no driver, seconds.
TRIAL_TIMEOUT_S = 20.0
#: How often a trial is begun that somebody else ends: that says nothing of the encoder.
MOST_TRIALS = 3
#: What the processor's encoders try.
TRIAL = "color=black:size=256x256:rate=25:duration=0.2"
_LISTED = re.compile(r"^ [A-Z.]{2,6} ([a-z0-9_-]+) ", re.MULTILINE)


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


@lru_cache(maxsize=8)
def decoders(program: Path) -> frozenset[str]:
    """List the decoders that ffmpeg was built with."""
    return _listed(program, "-decoders")


def encodes(program: Path, encoder: str) -> bool:
    """Whether this machine can encode with it: a few frames are, which alone tells.

    `h264_nvenc` is listed without a card or a driver too, and fails when it is opened; some cards
    only decode. What hangs does not work either.
    """
    try:
        return _tried(program, encoder)
    except TransientMediaError as problem:
        logger.info("%s did not end its trial: %s", encoder, problem)
        return False


def _tried(program: Path, encoder: str) -> bool:
    """Encode the few frames. Raises `TransientMediaError` when that did not come to an end."""
    fence = Fence(cards=kind_of(encoder) is not None)
    for trial in range(1, MOST_TRIALS + 1):
        try:
            done = run(_trial(program, encoder), fence=fence, timeout_s=TRIAL_TIMEOUT_S)
        except TransientMediaError as problem:
            if problem.code != KILLED or trial == MOST_TRIALS:
                raise
        else:
            return not done.returncode
    raise AssertionError("the last trial ends it")


def _trial(program: Path, encoder: str) -> list[str]:
    kind = kind_of(encoder)
    if kind is not None:
        codec = next(codec for codec, names in ENCODERS.items() if names.get(kind) == encoder)
        return trial_argv(program, kind, codec)
    made = ffmpeg.output(
        ffmpeg.input(TRIAL, f="lavfi"), "pipe:1", **{"c:v": encoder}, pix_fmt="yuv420p", f="null"
    ).global_args(*QUIET)
    return compiled(made, program)


@lru_cache(maxsize=4)
def hardware(program: Path) -> Mapping[Hardware, tuple[VideoCodec, ...]]:
    """Find out what this machine's hardware can encode, by kind: each codec is tried.

    Without any hardware this takes about a second. The answer is remembered.
    """
    tried = {
        kind: tuple(
            codec
            for codec, names in ENCODERS.items()
            if kind in names and encodes(program, names[kind])
        )
        for kind in KINDS
    }
    return {kind: codecs for kind, codecs in tried.items() if codecs}


@lru_cache(maxsize=32)
def working_encoder(program: Path, codec: VideoCodec) -> str:
    """Give ffmpeg's name of the processor's encoder for a codec, having tried it.

    Raises `MediaError` (`tool_missing`) when it does not work, and `TransientMediaError` when the
    trial was killed again and again or took too long: on a busy machine that passes.
    """
    name = ENCODERS[codec]["cpu"]
    if _tried(program, name):
        return name
    raise MediaError(
        "tool_missing",
        f"{program} can't encode {codec} with {name}.",
        "Use the ffmpeg that comes with Reelworks, or name another under `tools` in pipeline.yml.",
    )


def _listed(program: Path, what: str) -> frozenset[str]:
    done = run([str(program), "-hide_banner", what], timeout_s=TRIAL_TIMEOUT_S, keep_output=True)
    return frozenset(_LISTED.findall(done.output.decode("utf-8", "replace")))
