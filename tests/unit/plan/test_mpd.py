from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from defusedxml import ElementTree

from pipeline.plan.mpd import DASH, corrected, timeline, written
from pipeline.settings.profiles import AudioSettings, Profile, VideoSettings
from tests.unit.plan.sources import plan, sound, source, words

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

    from pipeline.plan.plan import Plan

SEGMENTS = """<SegmentTemplate timescale="10" initialization="{0}/init.mp4"
 media="{0}/$Number%05d$.m4s" startNumber="1"><SegmentTimeline><S t="0" d="40" r="1"/>
<S t="80" d="10"/></SegmentTimeline></SegmentTemplate>"""
SETS = """<AdaptationSet id="7" contentType="{kind}" frameRate="1000/41">
<Role schemeIdUri="urn:mpeg:dash:role:2011" value="main"/>{inner}{made}</AdaptationSet>"""


def _manifest(*sets: str) -> Element:
    text = '<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" minBufferTime="PT2S"><Period id="0">'
    root: Element = ElementTree.fromstring(text + "".join(sets) + "</Period></MPD>")
    return root


def _set(kind: str, *folders: str, inner: str = "") -> str:
    made = (
        f'<Representation id="{folder}" bandwidth="1">{SEGMENTS.format(folder)}</Representation>'
        for folder in folders
    )
    return SETS.format(kind=kind, inner=inner, made="".join(made))


def _corrected(of: Plan, *sets: str) -> list[Element]:
    root = _manifest(*sets)
    sizes = {
        name: 500_000 for one in root.iter(f"{DASH}Representation") for name, _ in timeline(one)
    }
    corrected(root, of, sizes, Fraction(24_000, 1001))
    assert root.get("minBufferTime") == "PT4S"
    return list(root.iter(f"{DASH}AdaptationSet"))


def _names(element: Element) -> list[str]:
    return [child.tag.removeprefix(DASH) for child in element]


TRACKS = (sound(1, language="eng", title="Film & more"), sound(2, language="eng"))


def test_sounds_of_one_language_are_sets_of_their_own_with_labels_and_roles() -> None:
    of = plan(source(audio=TRACKS))
    first, second = _corrected(of, _set("audio", "audio", "audio-eng"))
    assert [one.findtext(f"{DASH}Label") for one in (first, second)] == ["Film & more", "eng"]
    roles = [one.findall(f"{DASH}Role")[0].get("value") for one in (first, second)]
    assert roles == ["main", "alternate"]
    assert [one.get("id") for one in (first, second)] == ["0", "1"]
    assert _names(first) == ["Label", "Role", "Representation"]


def test_stereo_and_surround_are_not_switched_between() -> None:
    of = plan(source(audio=(sound(1, channels=6),)), Profile(audio=AudioSettings(surround=True)))
    assert len(_corrected(of, _set("audio", "audio", "audio-surround"))) == 2


def test_rungs_of_one_codec_stay_together_and_those_in_hdr_apart() -> None:
    video = VideoSettings(ladder=(360, 240), codec=("vp9",), hdr=True)
    of = plan(source(color_transfer="arib-std-b67"), Profile(video=video))
    folders = ["v-360p", "v-240p", "v-360p-hdr", "v-240p-hdr"]
    ordinary, hdr = _corrected(of, _set("video", *folders))
    assert len(ordinary.findall(f"{DASH}Representation")) == 2
    assert ordinary.find(f"{DASH}SupplementalProperty") is None
    told = hdr.find(f"{DASH}SupplementalProperty")
    assert told is not None
    assert told.get("value") == "18"
    assert hdr.get("frameRate") == "24000/1001"


def test_texts_have_labels_and_forced_ones_say_so() -> None:
    of = plan(source(texts=(words(2, language="ger", title="Schilder", forced=True),)))
    (text,) = _corrected(of, _set("text", "subtitles-ger-mp4"))
    assert text.findtext(f"{DASH}Label") == "Schilder"
    assert [one.get("value") for one in text.findall(f"{DASH}Role")] == ["forced-subtitle"]


def test_the_bandwidth_is_what_the_segments_need() -> None:
    (video,) = _corrected(plan(source(240, 240)), _set("video", "v-240p"))
    (representation,) = video.findall(f"{DASH}Representation")
    # Whoever begins with the second has four seconds for it, and eight for both and the last.
    assert abs(int(representation.get("bandwidth", "0")) - 1_000_000) <= 3


def test_what_is_encrypted_offers_clear_key_and_keeps_the_schemas_order() -> None:
    inner = """<SupplementalProperty schemeIdUri="x"/><ContentProtection value="cbcs"
 schemeIdUri="urn:mpeg:dash:mp4protection:2011"/>"""
    of = plan(source(audio=(sound(),)))
    (audio,) = _corrected(of, _set("audio", "audio", inner=inner))
    order = ["ContentProtection"] * 2 + ["SupplementalProperty", "Label", "Role", "Representation"]
    assert _names(audio) == order
    schemes = [one.get("schemeIdUri") for one in audio.findall(f"{DASH}ContentProtection")]
    assert schemes[1] == "urn:uuid:e2719d58-a985-b3c9-781a-b030af78d30e"


def test_it_is_written_with_the_usual_prefixes() -> None:
    text = written(_manifest())
    assert text.startswith('<?xml version="1.0" encoding="UTF-8"?>\n<MPD xmlns="urn:mpeg:dash')


def test_a_timeline_names_its_files_and_their_lengths() -> None:
    (one,) = _manifest(_set("audio", "audio")).iter(f"{DASH}Representation")
    assert list(timeline(one)) == [
        ("audio/00001.m4s", 4.0),
        ("audio/00002.m4s", 4.0),
        ("audio/00003.m4s", 1.0),
    ]
