"""Manifests: measure the segments that were made, and put right what the packager says of them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import m3u8
from defusedxml import ElementTree

from pipeline.media.boxes import read_index
from pipeline.plan.bandwidth import Rates, Segment, hls_rates
from pipeline.plan.encryption import with_key
from pipeline.plan.frame_rate import frame_rates
from pipeline.plan.master import with_rates
from pipeline.plan.mpd import corrected, initialization, timeline, written
from pipeline.plan.names import MASTER, MPD, playlist, rendition_step
from pipeline.plan.packaging import with_defaults

if TYPE_CHECKING:
    from collections.abc import Mapping
    from fractions import Fraction

    from pipeline.plan.frame_rate import FrameRates
    from pipeline.plan.plan import Plan


def correct_manifests(plan: Plan, inputs: Mapping[str, Path], staging: Path) -> None:
    """Put right the master playlist, the media playlists and the manifest below `staging`.

    `inputs` maps each step to its encoded file, which was found to be whole.
    """
    rates = _frame_rates(plan, inputs)
    if "hls" in plan.profile.package:
        _correct_hls(plan, staging / MASTER, rates and rates.most)
    if "dash" in plan.profile.package:
        _correct_dash(plan, staging / MPD, rates and rates.average)


def _frame_rates(plan: Plan, inputs: Mapping[str, Path]) -> FrameRates | None:
    """Give the frame rates of the pictures: all of them have the same frames."""
    if not plan.videos:
        return None
    smallest = inputs[rendition_step(plan.videos[-1].name)]
    (read,) = read_index(smallest)
    return frame_rates([at / read.clock for at in read.moments()])


def _correct_hls(plan: Plan, master: Path, frames_s: Fraction | None) -> None:
    if plan.profile.encryption is not None:
        for one in plan.streams:
            path = master.with_name(Path(playlist(one.name)).name)
            for each in (path, path.with_name(f"{one.name}-iframe.m3u8")):
                if each.is_file():
                    each.write_text(with_key(each.read_text(), plan.profile.encryption))
    rates = {
        path.name: playlist_rates(path)
        for path in master.parent.glob("*.m3u8")
        if path.name != master.name
    }
    told = with_defaults(master.read_text(encoding="utf-8"), plan)
    master.write_text(with_rates(told, plan, rates, frames_s), encoding="utf-8")


def playlist_rates(path: Path) -> Rates:
    """Measure what a media playlist takes: of the whole segments, or the ranges it names."""
    listed = m3u8.loads(path.read_text(encoding="utf-8"))
    segments = [
        Segment(_size(path.parent / one.uri, one.byterange), float(one.duration))
        for one in listed.segments
    ]
    return hls_rates(segments, float(listed.target_duration))


def _size(path: Path, byte_range: str | None) -> int:
    return int(byte_range.partition("@")[0]) if byte_range else path.stat().st_size


def _correct_dash(plan: Plan, path: Path, frames_s: Fraction | None) -> None:
    root = ElementTree.parse(path).getroot()
    if root is None:
        raise ValueError(f"{path.name} has no element")
    named = {
        name: path.parent / name
        for one in root.iter()
        if initialization(one)
        for name, _ in timeline(one)
    }
    sizes = {name: file.stat().st_size for name, file in named.items()}
    corrected(root, plan, sizes, frames_s)
    path.write_text(written(root), encoding="utf-8")
