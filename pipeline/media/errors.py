"""What can be wrong with a source or a tool, each with its stable code."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.errors import ReelworksError, TransientError, refused

if TYPE_CHECKING:
    from pipeline.plan.plan import Plan

SUPPORTED = (
    "Give it video or sound, as MP4, MOV, MKV, WebM, AVI, MPEG-TS, GIF, MP3, FLAC, WAV or OGG."
)
#: What tools say when they got no memory; they are given as much as a file should need.
NO_MEMORY = "Cannot allocate memory"


class MediaError(ReelworksError):
    """Something is wrong with the file, or with what was asked of it: trying again won't help."""


class TransientMediaError(MediaError, TransientError):
    """Something about this machine went wrong; the same work may succeed later."""


def nothing_to_make(plan: Plan) -> MediaError:
    """Say that the profile asks for nothing that this source has."""
    source = plan.source
    name = Path(source.path).name
    if plan.streams:
        return MediaError(
            "nothing_to_make",
            f"{name} lasts {source.duration_s:.2f} s, of which its `trim` leaves nothing.",
            "Give it to another profile, or let `trim` in profiles.yml begin sooner.",
        )
    missing = "sound" if source.video is not None else "picture"
    return MediaError(
        "nothing_to_make",
        f"{name} has no {missing}, and its profile asks for nothing else.",
        "Give it to another profile, or enable `video` or `audio` in profiles.yml.",
    )


def source_gone(path: str) -> MediaError:
    """Say that the source is no longer where it was."""
    return MediaError(
        "source_gone",
        f"The source {path} is gone.",
        "Put it back and `reelworks retry`, or drop it into the watched folder again.",
    )


def key_missing(key_id: str) -> MediaError:
    """Say that the profile's streams are to be encrypted, and there is no key for it."""
    return MediaError(
        "key_missing",
        f"The streams are to be encrypted with the key {key_id}, which the profile no longer has.",
        "Set encryption.key_id and encryption.key in profiles.yml again, then `reelworks retry`.",
    )


def no_space(where: str) -> TransientMediaError:
    """Say that the disk is full."""
    return TransientMediaError(
        "no_space",
        f"There is no space left where {where} is written.",
        "Free some space, or point `paths` in pipeline.yml to a larger disk.",
    )


def read_only(where: str) -> MediaError:
    """Say that the disk may only be read."""
    return refused(MediaError, where, os.strerror(errno.EROFS))


def too_costly(program: str, what: str) -> MediaError:
    """Say that a tool needed more for a file than it may take: `what` is the limit it met."""
    return MediaError(
        "too_costly",
        f"{program} needed more than {what} for this file, which is the most it may take.",
        "Such files are made to wear machines out; if this one is not, convert it and drop that.",
    )


def too_much_memory(name: str, memory_bytes: int) -> MediaError:
    """Say that a file can't be worked on with the memory that a tool may take."""
    return MediaError(
        "too_large",
        f"{name} needs more than the {memory_bytes / (1 << 30):.1f} GiB of memory that a tool may "
        "take.",
        "Scale it down, or raise `limits.max_memory` in pipeline.yml.",
    )


def output_too_large(program: str, file_bytes: int) -> MediaError:
    """Say that a tool wrote more into a file than it may."""
    return MediaError(
        "output_too_large",
        f"{program} wrote more than {file_bytes / (1 << 30):.3g} GiB into one file.",
        "Trim the source, choose another profile, or raise `limits.max_output` in pipeline.yml.",
    )
