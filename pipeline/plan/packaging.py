"""Argument lists for Shaka Packager: one set of CMAF segments behind HLS and DASH."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from pipeline.plan.encryption import encryption_options
from pipeline.plan.names import MASTER, MPD, rendition_step

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping
    from pathlib import Path

    from pipeline.plan.plan import Plan, Rendition
    from pipeline.plan.renditions import SoundRendition, TextRendition

#: The HLS group of all texts.
TEXT_GROUP = "subtitles"
#: What the packager reads or writes ahead of each file, bytes.
BUFFER = 1 << 20
_ATTRIBUTE = re.compile(r'([A-Z-]+)=("[^"]*"|[^,]*)')


def package_argv(
    program: Path, plan: Plan, inputs: Mapping[str, Path], flags: Path | None = None
) -> list[str]:
    """Build the packager's command; it is to run in the output folder, below which it writes.

    `inputs` maps each step to its encoded file; texts that are not in it are left out. `flags` is
    the file with the key to encrypt with (see `flag_file`), so that no list of processes shows it.
    """
    kinds = plan.profile.package
    streams = [
        _descriptor({"in": str(inputs[rendition_step(one.name)]), **_fields(one, kinds)})
        for one in plan.streams
    ]
    for text in plan.texts:
        if rendition_step(text.name) in inputs:
            file = str(inputs[rendition_step(text.name)])
            streams += [_descriptor({"in": file, **fields}) for fields in _texts(text, kinds)]
    options = [
        f"--segment_duration={plan.segment_s:g}",
        # The list of I-frames names the first of each fragment: so each key frame begins one.
        f"--fragment_duration={plan.profile.video.gop_seconds:g}",
        "--segment_sap_aligned=true",
        "--fragment_sap_aligned=true",
        "--temp_dir=.",
        # For each file it opens it clears a buffer of 32 MiB by itself, which took ten times the
        # processor time of all its other work. Without any (0) it hung, once in some hundred runs.
        f"--io_cache_size={BUFFER}",
    ]
    if "hls" in kinds:
        options += [f"--hls_master_playlist_output={MASTER}", "--hls_playlist_type=VOD"]
    if "dash" in kinds:
        options += [f"--mpd_output={MPD}", "--generate_static_live_mpd=true"]
    if plan.sounds and plan.sounds[0].language:
        options.append(f"--default_language={plan.sounds[0].language}")
    if plan.profile.encryption is not None and flags is not None:
        options += [*encryption_options(plan.profile.encryption), f"--flagfile={flags}"]
    return [str(program), *streams, *options]


def _fields(one: Rendition, kinds: Collection[str]) -> dict[str, str]:
    playlist = {"playlist_name": f"{one.name}.m3u8"} if "hls" in kinds else {}
    match one.kind:
        case "video":
            fields = {"stream": "video", **_segments(one.folder, "m4s"), **playlist}
            return fields | (
                {"iframe_playlist_name": f"{one.name}-iframe.m3u8"} if playlist else {}
            )
        case "audio":
            fields = {"stream": "audio", **_segments(one.folder, "m4s"), **playlist}
            named = {"hls_group_id": one.group, "hls_name": plain(one.label)}
            return fields | (named if playlist else {}) | _language(one)
    raise ValueError(f"{one.name} has no segments of its own kind")


def _texts(text: TextRendition, kinds: Collection[str]) -> Iterator[dict[str, str]]:
    """Describe a text twice: HLS players want WebVTT as it is, DASH players want it in MP4."""
    if "hls" in kinds:
        yield {
            "stream": "text",
            **_segments(text.folder, "vtt"),
            "playlist_name": f"{text.name}.m3u8",
            "hls_group_id": TEXT_GROUP,
            "hls_name": plain(text.label),
            "hls_only": "1",
            **({"forced_subtitle": "1"} if text.forced else {}),
            **_language(text),
        }
    if "dash" in kinds:
        yield {
            "stream": "text",
            **_segments(f"{text.folder}-mp4", "m4s"),
            "dash_only": "1",
            "dash_roles": "subtitle",
            **_language(text),
        }


def _language(one: SoundRendition | TextRendition) -> dict[str, str]:
    return {"language": one.language} if one.language else {}


def plain(label: str) -> str:
    """Take out of a label what separates fields in descriptors and quotes in playlists."""
    return re.sub(r'[,="\s\x00-\x1f]+', " ", label).strip() or "unnamed"


def with_defaults(master: str, plan: Plan) -> str:
    """Mark in a master playlist what is heard and read when nobody chooses.

    The packager does so by language only; a sound that names none would be a choice that a
    player may leave out (RFC 8216, 4.3.4.1).
    """
    chosen = {f"{one.name}.m3u8" for one in plan.sounds if one.default}
    chosen |= {f"{one.name}.m3u8" for one in plan.texts if one.default}
    lines = []
    for line in master.splitlines():
        told = {key: value.strip('"') for key, value in _ATTRIBUTE.findall(line)}
        if line.startswith("#EXT-X-MEDIA:") and told.get("URI"):
            word = "YES" if told["URI"] in chosen else "NO"
            line = re.sub(r"\bDEFAULT=(YES|NO)", f"DEFAULT={word}", line)  # noqa: PLW2901
        lines.append(line)
    return "\n".join(lines) + "\n"


def _segments(folder: str, suffix: str) -> dict[str, str]:
    base = PurePosixPath(MASTER).parent / folder
    fields = {"segment_template": f"{base}/$Number%05d$.{suffix}"}
    return fields if suffix == "vtt" else {"init_segment": f"{base}/init.mp4", **fields}


def _descriptor(fields: dict[str, str]) -> str:
    return ",".join(f"{key}={value}" for key, value in fields.items())
