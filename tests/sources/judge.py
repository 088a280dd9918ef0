"""Judge an outcome by what was expected: sentences about what is not right, none if all is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import m3u8
import numpy as np

from pipeline.plan.names import MASTER
from tests.sources import facts
from tests.sources.picture import CORNERS, GREY
from tests.sources.words import judge_words

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence
    from pathlib import Path

    from tests.sources.facts import Shown
    from tests.sources.row import Expect, Patches, Row
    from tests.sources.runner import Outcome

#: How far picture and sound may be apart, seconds.
APART_S = 0.020
#: The row of the grid that is transparent, and how bright black may be, levels of 255.
CLEAR, DARK = 12, 40
#: How far apart picture and sound may end, seconds: encoders work in frames of their own, and of a
#: broadcast only its last packets tell when it ends.
LONGER_S = 0.2
#: How far a timestamp may be from the source's, seconds: the coarsest containers keep milliseconds.
ROUNDING_S = 0.002


def judge(row: Row, source: Path, outcome: Outcome, work: Path) -> list[str]:
    """Give every way in which an outcome is not what its row expects; `work` is a free folder."""
    expect = row.expect
    if expect.error is not None:
        return list(_refused(expect.error, outcome))
    if outcome.error is not None:
        return [f"it failed with {outcome.error.code}: {outcome.error}"]
    return [
        *_renditions(expect, outcome),
        *_playing(expect, outcome, work),
        *_special(expect, source, outcome),
        *judge_words(expect, outcome),
    ]


def _refused(code: str, outcome: Outcome) -> Iterator[str]:
    error = outcome.error
    if error is None:
        yield f"it was taken in, not refused as {code}"
        return
    if error.code != code:
        yield f"it was refused as {error.code}, not as {code}: {error}"
    for part, text in (("message", error.message), ("hint", error.hint)):
        if not (text and text[0].isalnum() and text.endswith(".") and " " in text):
            yield f"its {part} is no sentence: {text!r}"


def _renditions(expect: Expect, outcome: Outcome) -> Iterator[str]:
    files = sorted((outcome.folder / "mp4").glob("*.mp4"))
    told = {file.name: facts.streams(file) for file in files}
    sizes = []
    keys = set()
    for name, one in told.items():
        for stream in facts.of_kind(one, "video"):
            sizes.append((stream["width"], stream["height"]))
            if stream.get("color_transfer") == expect.hdr is not None:
                yield from _kept_light(name, stream)
                yield from _told_light(expect, name, outcome.folder / "mp4" / name)
                continue
            yield from _picture(name, stream, expect.codecs)
            yield from _ordinary_light(name, outcome.folder / "mp4" / name)
            keys.add(tuple(facts.key_times(one)))
        for stream in facts.of_kind(one, "audio"):
            if expect.layout is not None and stream.get("channel_layout") != expect.layout:
                yield f"{name}: its sound is {stream.get('channel_layout')}, not {expect.layout}"
        if expect.silent and facts.of_kind(one, "audio"):
            yield f"{name}: it has sound, though the source has none"
        if expect.chapters is not None and len(one["chapters"]) != expect.chapters:
            yield f"{name}: it has {len(one['chapters'])} chapters, not {expect.chapters}"
    if expect.sizes and sorted(sizes) != sorted(expect.sizes):
        yield f"its sizes are {sorted(sizes)}, not {sorted(expect.sizes)}"
    if len(keys) > 1:
        yield f"key frames are not aligned across rungs: {sorted(keys)}"
    yield from _ladders(expect, list(told.values()))


def _ladders(expect: Expect, told: Sequence[dict[str, Any]]) -> Iterator[str]:
    """See that there is a ladder in each codec, and one in HDR where that was asked for."""
    streams = [stream for one in told for stream in facts.of_kind(one, "video")]
    made = {stream["codec_name"] for stream in streams}
    if made and made != expect.codecs:
        yield f"it is coded in {sorted(made)}, not {sorted(expect.codecs)}"
    curves = {stream.get("color_transfer") for stream in streams}
    if expect.hdr is not None and not {expect.hdr, "bt709"} <= curves:
        yield f"its curves of light are {curves}, not bt709 and {expect.hdr}"


def _kept_light(name: str, stream: dict[str, Any]) -> Iterator[str]:
    """See that a rung of an HDR ladder has what it needs."""
    wanted = {"pix_fmt": "yuv420p10le", "color_primaries": "bt2020", "color_space": "bt2020nc"}
    for key, value in wanted.items():
        if stream.get(key) != value:
            yield f"{name}: its {key} is {stream.get(key)}, not {value}"


def _ordinary_light(name: str, film: Path) -> Iterator[str]:
    """See that a rung for ordinary screens says nothing of what brighter ones need."""
    if facts.light(film) != (None, None):
        yield f"{name}: it still tells what bright screens its source was graded for"


def _told_light(expect: Expect, name: str, film: Path) -> Iterator[str]:
    """See that screens are told what light the source was graded for, in every rung."""
    mastering, content = facts.light(film)
    if expect.light is not None and (
        mastering is None
        or mastering.brightest != expect.light
        or content is None
        or content.most != expect.light
    ):
        yield f"{name}: it was graded for {mastering} and {content}, not for {expect.light} cd/m²"


def _picture(name: str, stream: dict[str, Any], codecs: frozenset[str]) -> Iterator[str]:
    wanted: dict[str, Collection[str]] = {
        "codec_name": codecs,
        "sample_aspect_ratio": ("1:1",),
        "pix_fmt": ("yuv420p",),
        "color_range": ("tv",),
        "color_space": ("bt709", "smpte170m", "bt470bg"),
        "color_transfer": ("bt709", "smpte170m", "gamma22", "gamma28", "iec61966-2-1"),
        "color_primaries": ("bt709", "smpte170m", "bt470bg"),
    }
    for key, values in wanted.items():
        if stream.get(key) not in values:
            yield f"{name}: its {key} is {stream.get(key)}, not {' or '.join(values)}"
    if any("rotation" in data for data in stream.get("side_data_list", ())):
        yield f"{name}: a rotation tag is left"
    if stream.get("field_order") not in (None, "progressive", "unknown"):
        yield f"{name}: it is marked interlaced ({stream['field_order']})"


def _playing(expect: Expect, outcome: Outcome, work: Path) -> Iterator[str]:
    """See what a player of the progressive file and one of the stream show."""
    # Of HDR, what is shown depends on the screen: the ordinary ladder is compared.
    made = [file for file in (outcome.folder / "mp4").glob("*.mp4") if "-hdr" not in file.name]
    files = sorted(made, key=lambda file: file.stat().st_size)
    if files:
        told = facts.streams(files[-1])
        sound = bool(facts.of_kind(told, "audio"))
        played = facts.shown(files[-1], work, picture=True, sound=sound)
        yield from _seen("MP4", expect, played)
        seconds = float(told["format"]["duration"])
        frame_s = _frame_s(played)
        if expect.seconds is not None and abs(seconds - expect.seconds) > frame_s + 0.03:
            yield f"MP4: it lasts {seconds:.3f} s, not {expect.seconds:.3f} s"
    master = outcome.folder / MASTER
    if not master.is_file():
        yield "no master playlist was made"
        return
    listed = m3u8.loads(master.read_text())
    sounds = [one for one in listed.media if one.type == "AUDIO"]
    if expect.sounds is not None:
        yield from _languages(expect.sounds, sounds)
    yield from _length(listed, master)
    if expect.sync or expect.beeps:
        heard = bool(sounds) or bool(expect.beeps)
        played = facts.shown(master, work, picture=not expect.beeps, sound=heard)
        yield from _seen("HLS", expect, played, colours=False)


def _length(listed: Any, master: Path) -> Iterator[str]:
    """See that picture and sound end together: some players end with the first that does."""
    pictures = [one.uri for one in listed.playlists if one.stream_info.resolution]
    sounds = [one.uri for one in listed.media if one.type == "AUDIO"]
    for heard_s in (_seconds(master.parent / uri) for uri in sounds if pictures):
        shown_s = min(_seconds(master.parent / uri) for uri in pictures)
        if abs(heard_s - shown_s) > LONGER_S:
            yield f"HLS: its sound lasts {heard_s:.2f} s, its picture {shown_s:.2f} s"


def _seconds(playlist: Path) -> float:
    return float(sum(one.duration for one in m3u8.loads(playlist.read_text()).segments))


def _languages(wanted: tuple[str | None, ...], sounds: list[Any]) -> Iterator[str]:
    """See that each language is offered, and the first of those wanted is heard by default."""
    offered = [one.language for one in sounds]
    if sorted(map(str, offered)) != sorted(map(str, wanted)):
        yield f"HLS: it offers sound in {offered}, not {list(wanted)}"
    default = [one.language for one in sounds if one.default == "YES"]
    if default != [wanted[0]]:
        yield f"HLS: the default sound is {default}, not {wanted[0]}"


def _frame_s(played: Shown) -> float:
    if len(played.times) < 2:
        return 1.0
    return (played.times[-1] - played.times[0]) / (len(played.times) - 1)


def _seen(name: str, expect: Expect, played: Shown, *, colours: bool = True) -> Iterator[str]:
    if expect.frames is not None:
        least = expect.frames - expect.frames_short
        if not least <= len(played.times) <= expect.frames:
            yield f"{name}: it shows {len(played.times)} frames, not {expect.frames}"
    if expect.times:
        yield from _times(name, expect.times, played.times)
    if len(played.times) and abs(played.times[0]) > ROUNDING_S:
        yield f"{name}: its picture begins at {played.times[0]:.3f} s"
    if colours and expect.patches is not None:
        yield from _colours(name, expect.patches, played)
    if expect.moments:
        yield from _moments(f"{name}: flashes", expect.moments, played.flashes(), _frame_s(played))
    if expect.beeps:
        yield from _moments(f"{name}: beeps", expect.beeps, played.beeps(), APART_S)
    if expect.sync:
        yield from _together(name, played)


def _times(name: str, wanted: Sequence[float], found: Sequence[float]) -> Iterator[str]:
    if len(wanted) != len(found):
        yield f"{name}: it shows {len(found)} frames, not {len(wanted)}"
        return
    worst = max(range(len(wanted)), key=lambda n: abs(wanted[n] - found[n]))
    if abs(wanted[worst] - found[worst]) > ROUNDING_S:
        yield (
            f"{name}: frame {worst} is shown at {found[worst]:.4f} s, not at {wanted[worst]:.4f} s"
        )


def _moments(
    name: str, wanted: Sequence[float], found: Sequence[float], within_s: float
) -> Iterator[str]:
    off = [abs(a - b) for a, b in zip(wanted, found, strict=False)]
    if len(wanted) != len(found) or max(off, default=0.0) > within_s + ROUNDING_S:
        rounded = [round(at, 3) for at in found]
        yield f"{name} come at {rounded}, not at {[round(at, 3) for at in wanted]}"


def _together(name: str, played: Shown) -> Iterator[str]:
    """Compare the first and the last flash with their beeps."""
    flashes, beeps = played.flashes(), played.beeps()
    if not flashes or len(flashes) != len(beeps):
        yield f"{name}: it shows {len(flashes)} flashes and {len(beeps)} beeps"
        return
    for which, n in (("first", 0), ("last", -1)):
        apart = beeps[n] - flashes[n]
        if abs(apart) > APART_S:
            yield f"{name}: the {which} beep comes {apart * 1000:+.0f} ms after its flash"


def _colours(name: str, patches: Patches, played: Shown) -> Iterator[str]:
    if not len(played.frames):
        yield f"{name}: it shows nothing"
        return
    frame = played.frames[len(played.frames) // 2]
    if patches.clear and frame[CLEAR, :].max() > DARK:
        levels = tuple(round(float(level)) for level in frame[CLEAR, 1])
        yield f"{name}: what is transparent is shown as {levels}"
    places = ((1, 1), (1, 14), (14, 1), (14, 14), (1, 8))
    names = ("top left", "top right", "bottom left", "bottom right", "between")
    for where, (y, x), known in zip(names, places, (*CORNERS, GREY), strict=True):
        found = frame[y - 1 : y + 2, x - 1 : x + 2].mean(axis=(0, 1))
        if not _alike(found, np.array(known, dtype=np.float64), patches):
            levels = tuple(round(float(level)) for level in found)
            yield f"{name}: the colour {where} is {levels}, not {known}"


def _alike(found: Any, known: Any, patches: Patches) -> bool:
    if not patches.tone_mapped:
        return bool(np.abs(found - known).max() <= patches.tolerance)
    # A curve that keeps highlights changes levels, but not which of the colours is stronger.
    strong, weak = known > 120, known < 100
    if weak.any():
        return bool(found[strong].min() > 1.5 * found[weak].max())
    return bool(np.ptp(found) < 14 and 70 < found.mean() < 190)


def _special(expect: Expect, source: Path, outcome: Outcome) -> Iterator[str]:
    # Of HDR, what is shown depends on the screen: the ordinary ladder is compared.
    made = [file for file in (outcome.folder / "mp4").glob("*.mp4") if "-hdr" not in file.name]
    files = sorted(made, key=lambda file: file.stat().st_size)
    if expect.fields is not None and outcome.plan is not None and outcome.plan.source.video:
        order = outcome.plan.source.video.field_order
        if order != expect.fields:
            yield f"its fields are taken as {order}, though they are {expect.fields}"
        share = facts.combed(files[-1], columns=outcome.plan.source.video.turned)
        if share > 0.1:
            yield f"{share:.0%} of its frames show two moments at once"
    if expect.likeness is not None:
        found = facts.likeness(files[-1], source)
        if found < expect.likeness:
            yield f"it is like its source by {found:.1f} dB only, not {expect.likeness:.0f}"
    if expect.told is not None and not any(expect.told in note for note in outcome.notes):
        yield f"nothing is told of {expect.told!r}: {list(outcome.notes)}"
    if not (outcome.folder / "poster.jpg").is_file() and (expect.poster or not expect.beeps):
        yield "it has no poster"
