"""Sound: tracks made steady, downmixed, and as loud as asked (EBU R128), as graphs of filters."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import ffmpeg

from pipeline.plan.channels import placed
from pipeline.plan.commands import compiled, on_the_clock, opened
from pipeline.plan.holding import ROUNDING_S, is_unheard, silent_until
from pipeline.plan.renditions import STEREO
from pipeline.plan.source import Fact
from pipeline.plan.stages import BORDER, UNSTEADY, staged

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from pipeline.plan.plan import Plan
    from pipeline.plan.renditions import SoundRendition
    from pipeline.plan.source import AudioStream

#: The highest peak after normalisation, dBTP (EBU R128 s2 asks streams for -2 before coding; -1
#: is what coding leaves).
TRUE_PEAK = -1.5
#: What range of loudness is kept, LU: as much as there is, so that gain is all that changes.
RANGE = 20.0
#: A range of 0 LU, as of what is shorter than three seconds or always as loud, would be taken for
#: one that was not measured, and the gain would change from moment to moment.
LEAST_RANGE = 0.01
_MEASURED = re.compile(r"\{[^{}]*\"input_i\"[^{}]*\}", re.DOTALL)
#: How far a sound may be from its time, seconds, before it is filled or cut: nobody hears 20 ms.
#: What comes early and late by turns (`jitter`) may be so much further.
APART_S = 0.015
#: The same where nobody looked at its times, or they are all too rough: ffmpeg's own. Less, and
#: such sound would click.
ROUGH_S = 0.1
#: How much earlier than it is a sound is made beside the picture that sets its clock, seconds: more
#: than it can be ahead of it. It is put back as it is written.
BEHIND_S = 100_000
#: What is said of a sound whose filters were set up anew, and began at 0 again.
_BACKWARD = re.compile(r"^\[aost#.*Non-monotonic DTS", re.MULTILINE)
LAYOUTS = {1: "mono", STEREO: "stereo", 6: "5.1"}


class Loudness(Fact):
    """What a track was measured to be: LUFS, LU, dBTP, LUFS, LU."""

    integrated: float
    range: float
    true_peak: float
    threshold: float
    offset: float


def heard(
    origin: Any,
    plan: Plan,
    wanted: Sequence[SoundRendition],
    loudness: Mapping[str, Loudness | None],
    *,
    alone: bool = False,
) -> dict[str, Any]:
    """Give a stream for each wanted sound, by name; each track is decoded once for all of them.

    `loudness` maps a sound's name to what it was measured to be; `alone` as for `steady`.
    """
    made = {}
    for index in dict.fromkeys(one.index for one in wanted):
        takers = [one for one in wanted if one.index == index]
        track = steady(origin, plan, index, alone=alone)
        copies = (
            [track] if len(takers) == 1 else [track.asplit()[one] for one in range(len(takers))]
        )
        for sound, copy in zip(takers, copies, strict=True):
            made[sound.name] = levelled(copy, plan, sound, loudness.get(sound.name))
    return made


def changes(plan: Plan) -> bool:
    """Whether each track may change on the way, and is to be encoded alone."""
    return plan.source.container in UNSTEADY


def has_changed(log: str) -> bool:
    """Whether a sound changed while it was encoded with others, as ffmpeg's words have it."""
    return _BACKWARD.search(log) is not None


def steady(origin: Any, plan: Plan, index: int, *, alone: bool) -> Any:
    """Make of the track numbered `index` sound that starts with the picture and has no holes.

    A track that starts late is led in by silence, so that players which ignore edit lists
    still hear it in time with the picture; silence follows one that ends early. One that is read
    `alone` may change on the way.
    """
    there = next(one for one in plan.source.audio if one.index == index)
    track = placed(origin[str(index)], there)
    if there.in_row:
        begins = f"STARTPTS+{there.early_s:.6f}/TB" if there.early_s else "STARTPTS"
        track = track.filter("asetpts", f"{begins}+N/SR/TB")
    if there.pauses:
        track = track.filter("asetpts", _paused(there))
    if alone:
        track = _alike(track, plan, index)
    if plan.profile.trim is not None:
        track = track.filter("atrim", start=f"{plan.start_s:.6f}", end=f"{plan.end_s:.6f}")
        track = track.filter("asetpts", f"PTS-{plan.start_s:.6f}/TB")
    elif there.early_s and not there.in_row:
        track = track.filter("asetpts", f"if(eq(N,0),PTS+{there.early_s:.6f}/TB,PTS)")
    apart = {"min_hard_comp": f"{_apart_s(there, alone=alone):.6g}"}
    track = track.filter("aresample", **{"async": 1, "first_pts": 0, **apart})
    until_s = silent_until(plan, there)
    if until_s is None:
        return track
    track = track.filter("apad", whole_dur=f"{until_s:.6f}")
    # What follows on nothing has no times of its own.
    return track.filter("asetpts", "N/SR/TB") if is_unheard(plan, there) else track


def _paused(track: AudioStream) -> str:
    """Let what comes after each pause of a track come as much later."""
    waits = (f"{one.length_s:.6f}*gte(T,{one.after_s - ROUNDING_S:.6f})" for one in track.pauses)
    return f"PTS+({'+'.join(waits)})/TB"


def _apart_s(track: AudioStream, *, alone: bool) -> float:
    """Say how far a track may be from its time before it is put there, seconds."""
    if track.jitter_s is None and not alone:
        return ROUGH_S
    return min(APART_S + (track.jitter_s or 0.0), ROUGH_S)


def _alike(track: Any, plan: Plan, index: int) -> Any:
    """Make all frames of a track alike, at their times, in a graph of its own."""
    there = next(one for one in plan.source.audio if one.index == index)
    channels = max(one.channels for one in plan.sounds if one.index == index)
    track = track.filter("aresample", there.sample_rate)
    track = track.filter("aformat", channel_layouts=LAYOUTS[channels], sample_fmts="fltp")
    return track.filter(BORDER)


def levelled(track: Any, plan: Plan, sound: SoundRendition, loudness: Loudness | None) -> Any:
    """Mix a track to the rendition's channels, and bring it to the loudness that is asked for."""
    there = next(one for one in plan.source.audio if one.index == sound.index)
    # Said also where it is the track's own: beside a downmix, ffmpeg would choose that for both;
    # and a decoder may not tell where one channel is heard (TTA), without which none encodes it.
    same = sound.channels == there.channels and there.channel_layout is not None
    if not same or sound.channels > STEREO or changes(plan):
        track = track.filter("aformat", channel_layouts=LAYOUTS[sound.channels])
    target = plan.profile.audio.loudness
    if target is not None and loudness is not None:
        track = track.filter("loudnorm", **_aim(target), **_from(loudness), linear="true")
        # It works at 192 kHz, and its last frames may lack a time.
        track = track.filter("aresample", sound.sample_rate)
    return track


def behind(track: Any) -> Any:
    """Move a sound that is read beside a picture far behind it, so that none waits for the other.

    ffmpeg 9.0 holds back filters whose output is ahead of the last one by 0.1 s. Where it fills a
    hole up to a sound that lies before its picture in the file, and holds those filters back, it
    reads no picture, either, until somebody takes the sound: it waits for ever, in four of ten runs
    over one such broadcast. The last one is never held back.
    """
    return track.filter("asetpts", f"PTS-{BEHIND_S}/TB")


def measure_argv(
    program: Path, plan: Plan, sound: SoundRendition, *, alone: bool = False
) -> list[str]:
    """Build the first pass of `loudnorm`, which prints what the rendition's sound measures."""
    target = plan.profile.audio.loudness
    if target is None:
        raise ValueError("the profile names no loudness")
    origin = opened(plan)
    track = steady(origin, plan, sound.index, alone=alone)
    measured = levelled(track, plan, sound, None).filter(
        "loudnorm", **_aim(target), print_format="json"
    )
    beside = on_the_clock(origin, plan, {sound.index})
    measured = behind(measured) if beside else measured
    made = ffmpeg.merge_outputs(ffmpeg.output(measured, "-", f="null"), *beside).global_args(
        *("-nostdin", "-hide_banner", "-nostats", "-progress", "pipe:1", "-loglevel", "info")
    )
    return staged(compiled(made, program))


def read_loudness(log: str) -> Loudness | None:
    """Read what the first pass printed; None for silence, which has no loudness.

    Raises `ValueError` when it printed nothing of the kind.
    """
    found = _MEASURED.findall(log)
    if not found:
        raise ValueError("loudnorm printed no measurement")
    told = json.loads(found[-1])
    if "inf" in told["input_i"] or "inf" in told["target_offset"]:
        return None
    return Loudness(
        integrated=float(told["input_i"]),
        range=float(told["input_lra"]),
        true_peak=float(told["input_tp"]),
        threshold=float(told["input_thresh"]),
        offset=float(told["target_offset"]),
    )


def _aim(target: float) -> dict[str, Any]:
    return {"I": f"{target:g}", "TP": f"{TRUE_PEAK:g}", "LRA": f"{RANGE:g}"}


def _from(loudness: Loudness) -> dict[str, Any]:
    return {
        "measured_I": f"{loudness.integrated:.2f}",
        "measured_LRA": f"{max(loudness.range, LEAST_RANGE):.2f}",
        "measured_TP": f"{loudness.true_peak:.2f}",
        "measured_thresh": f"{loudness.threshold:.2f}",
        "offset": f"{loudness.offset:.2f}",
    }
