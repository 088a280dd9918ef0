"""Argument lists for Shaka Packager: one set of CMAF segments behind HLS and DASH."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from pipeline.plan.names import AUDIO_STEP, MASTER, MPD, rendition_step, segment_folder

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pipeline.plan.plan import Plan


def package_argv(program: Path, plan: Plan, inputs: Mapping[str, Path]) -> list[str]:
    """Build the packager's command; it is to run in the output folder, below which it writes.

    `inputs` maps each step to its encoded file.
    """
    kinds = plan.profile.package
    streams = [_video(inputs[rendition_step(rung.name)], rung.name, kinds) for rung in plan.rungs]
    if plan.audio is not None:
        streams.append(_audio(inputs[AUDIO_STEP], kinds))
    options = [
        f"--segment_duration={plan.segment_s:g}",
        # The list of I-frames names the first of each fragment: so each key frame begins one.
        f"--fragment_duration={plan.profile.video.gop_seconds:g}",
        "--segment_sap_aligned=true",
        "--fragment_sap_aligned=true",
        "--temp_dir=.",
    ]
    if "hls" in kinds:
        options += [f"--hls_master_playlist_output={MASTER}", "--hls_playlist_type=VOD"]
    if "dash" in kinds:
        options += [f"--mpd_output={MPD}", "--generate_static_live_mpd=true"]
    if plan.audio is not None and plan.audio.language:
        options.append(f"--default_language={plan.audio.language}")
    return [str(program), *streams, *options]


def heard_by_default(master: str) -> str:
    """Mark the one sound of a master playlist as the default.

    The packager does so by language only, and a sound that names none would be a choice that a
    player may leave out (RFC 8216, 4.3.4.1).
    """
    sounds = re.findall(r"^#EXT-X-MEDIA:TYPE=AUDIO.*$", master, re.MULTILINE)
    if len(sounds) != 1:
        return master
    return master.replace(sounds[0], sounds[0].replace("DEFAULT=NO", "DEFAULT=YES"))


def _video(file: Path, rung: str, kinds: tuple[str, ...]) -> str:
    fields = {
        "in": str(file),
        "stream": "video",
        **_segments(segment_folder(rung)),
    }
    if "hls" in kinds:
        fields |= {"playlist_name": f"{rung}.m3u8", "iframe_playlist_name": f"{rung}-iframe.m3u8"}
    return _descriptor(fields)


def _audio(file: Path, kinds: tuple[str, ...]) -> str:
    fields = {"in": str(file), "stream": "audio", **_segments("audio")}
    if "hls" in kinds:
        fields |= {"playlist_name": "audio.m3u8", "hls_group_id": "audio", "hls_name": "main"}
    return _descriptor(fields)


def _segments(folder: str) -> dict[str, str]:
    base = PurePosixPath(MASTER).parent / folder
    return {"init_segment": f"{base}/init.mp4", "segment_template": f"{base}/$Number%05d$.m4s"}


def _descriptor(fields: dict[str, str]) -> str:
    return ",".join(f"{key}={value}" for key, value in fields.items())
