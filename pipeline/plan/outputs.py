"""Outputs: what `job.json` says of an output folder besides its pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipeline.plan.names import playlist, sound_file, subtitle_file

if TYPE_CHECKING:
    from collections.abc import Collection

    from pipeline.plan.plan import Plan


def described(plan: Plan, silent: Collection[str]) -> dict[str, Any]:
    """List sounds and texts (without the `silent` ones), and what of the source was left out."""
    kinds = plan.profile.package
    sounds = []
    for one in plan.sounds:
        told = {
            "name": one.name,
            "codec": one.codec,
            "channels": one.channels,
            "language": one.language,
            "label": one.label,
            "default": one.default,
        }
        if "hls" in kinds:
            told["path"] = playlist(one.name)
        if "mp4" in kinds and not plan.videos and one.codec == plan.profile.audio.codec[0]:
            told["path"] = sound_file(one.name)
        sounds.append(told)
    texts = [
        {
            "name": one.name,
            "path": subtitle_file(one.name),
            "language": one.language,
            "label": one.label,
            "default": one.default,
            "forced": one.forced,
        }
        for one in plan.texts
        if one.name not in silent
    ]
    said = {"audio": sounds, "subtitles": texts, "left_out": list(plan.source.left_out)}
    return {key: value for key, value in said.items() if value}
