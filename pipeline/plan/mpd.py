"""The manifest of DASH, put right: bandwidths, frame rate, labels, and the schema's order."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING
from xml.etree.ElementTree import Element, indent, register_namespace, tostring

from pipeline.plan.bandwidth import Segment, dash_bandwidth
from pipeline.plan.encryption import CLEAR_KEY
from pipeline.plan.frame_rate import dash_rate

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator, Mapping
    from fractions import Fraction

    from pipeline.plan.plan import Plan, Rendition

NAMESPACE = "urn:mpeg:dash:schema:mpd:2011"
DASH = f"{{{NAMESPACE}}}"
ROLES = "urn:mpeg:dash:role:2011"
COMMON_ENCRYPTION = "urn:mpeg:dash:mp4protection:2011"
TRANSFER = "urn:mpeg:mpegB:cicp:TransferCharacteristics"
#: Numbers of the transfer curves of HDR (ISO/IEC 23091-2).
CURVES = {"smpte2084": "16", "arib-std-b67": "18"}
#: What may stand in an adaptation set or a representation, in the schema's order (ISO/IEC
#: 23009-1, 5.3.7 and 5.3.3).
ORDER = (
    *("FramePacking", "AudioChannelConfiguration", "ContentProtection", "OutputProtection"),
    *("EssentialProperty", "SupplementalProperty", "InbandEventStream", "Switching"),
    *("RandomAccess", "GroupLabel", "Label", "ProducerReferenceTime", "ContentPopularityRate"),
    *("Resync", "Accessibility", "Role", "Rating", "Viewpoint", "ContentComponent", "BaseURL"),
    *("SubRepresentation", "SegmentBase", "SegmentList", "SegmentTemplate", "Representation"),
)
_PREFIXES = {
    "": NAMESPACE,
    "cenc": "urn:mpeg:cenc:2013",
    "xlink": "http://www.w3.org/1999/xlink",
    "xsi": "http://www.w3.org/2001/XMLSchema-instance",
}


def timeline(representation: Element) -> Iterator[tuple[str, float]]:
    """List the segments of a numbered template with a timeline: file and seconds."""
    template = representation.find(f"{DASH}SegmentTemplate")
    if template is None:
        return
    number, scale = int(template.get("startNumber", "1")), int(template.get("timescale", "1"))
    for entry in template.iter(f"{DASH}S"):
        for _ in range(int(entry.get("r", "0")) + 1):
            yield _numbered(template.get("media", ""), number), int(entry.get("d", "0")) / scale
            number += 1


def initialization(representation: Element) -> str:
    """Name the file that a representation's segments follow; empty for none."""
    template = representation.find(f"{DASH}SegmentTemplate")
    return "" if template is None else template.get("initialization", "")


def _numbered(template: str, number: int) -> str:
    before, _, rest = template.partition("$Number")
    width, _, after = rest.partition("$")
    return f"{before}{(width or '%d') % number}{after}"


def corrected(
    root: Element, plan: Plan, sizes: Mapping[str, int], frames_s: Fraction | None
) -> None:
    """Put right a manifest of the packager. `sizes` maps each segment's name to its bytes.

    Every sound and text becomes an adaptation set of its own, with its label: players choose
    between sets, and switch within one. `frames_s` is the pictures' frame rate; None leaves what
    is said. Raises `KeyError` for a segment of unknown size.
    """
    renditions = _by_folder(plan)
    buffer_s = plan.segment_s
    root.set("minBufferTime", f"PT{buffer_s:g}S")
    for one in root.iter(f"{DASH}Representation"):
        lengths = [Segment(sizes[name], seconds) for name, seconds in timeline(one)]
        one.set("bandwidth", str(dash_bandwidth(lengths, buffer_s)))
    for element in root.iter():
        if "frameRate" in element.attrib and frames_s is not None:
            element.set("frameRate", dash_rate(frames_s))
    for period in root.iter(f"{DASH}Period"):
        made = [
            _described(part, one, plan)
            for whole in period.findall(f"{DASH}AdaptationSet")
            for part, one in _parts(whole, renditions)
        ]
        for whole in period.findall(f"{DASH}AdaptationSet"):
            period.remove(whole)
        for number, part in enumerate(made):
            part.set("id", str(number))
            period.append(part)


def written(root: Element) -> str:
    """Write a manifest as text, with the usual prefixes of its namespaces."""
    for prefix, uri in _PREFIXES.items():
        register_namespace(prefix, uri)
    indent(root)
    text: str = tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{text}\n'


def _by_folder(plan: Plan) -> dict[str, Rendition]:
    found: dict[str, Rendition] = {one.folder: one for one in plan.streams}
    return found | {f"{text.folder}-mp4": text for text in plan.texts}


def _parts(
    whole: Element, renditions: Mapping[str, Rendition]
) -> Iterator[tuple[Element, Rendition]]:
    """Split a set into what may be switched between; each part with one of its renditions."""
    groups: dict[Hashable, list[tuple[Element, Rendition]]] = {}
    for element in whole.findall(f"{DASH}Representation"):
        one = renditions[initialization(element).rpartition("/")[0]]
        groups.setdefault(_switchable(one), []).append((element, one))
    for group in groups.values():
        part = deepcopy(whole)
        for element in part.findall(f"{DASH}Representation"):
            part.remove(element)
        part.extend(element for element, _ in group)
        yield part, group[0][1]


def _switchable(one: Rendition) -> Hashable:
    match one.kind:
        case "video":
            return one.codec, one.hdr
        case "audio":
            return one.index, one.group
        case "text":
            return one.name


def _described(part: Element, one: Rendition, plan: Plan) -> Element:
    """Say in an adaptation set what it is, and bring it into the schema's order."""
    match one.kind:
        case "video":
            _say_light(part, hdr=one.hdr, plan=plan)
        case "audio":
            _say_role(part, "main" if one.default else "alternate")
            _say_label(part, one.label)
        case "text":
            _say_role(part, "forced-subtitle" if one.forced else "subtitle")
            _say_label(part, one.label)
    _say_clear_key(part)
    for element in (part, *part.findall(f"{DASH}Representation")):
        element[:] = sorted(element, key=_place)
    return part


def _place(child: Element) -> int:
    name = child.tag.removeprefix(DASH)
    return ORDER.index(name) if name in ORDER else len(ORDER)


def _say_label(part: Element, label: str) -> None:
    element = Element(f"{DASH}Label")
    element.text = label
    part.append(element)


def _say_role(part: Element, role: str) -> None:
    for element in part.findall(f"{DASH}Role"):
        part.remove(element)
    part.append(Element(f"{DASH}Role", {"schemeIdUri": ROLES, "value": role}))


def _say_light(part: Element, *, hdr: bool, plan: Plan) -> None:
    """Name the curve of HDR where the packager did not: it reads none from VP9's header."""
    said = {one.get("schemeIdUri") for one in part if one.tag.endswith("Property")}
    video = plan.source.video
    curve = CURVES.get((video.color_transfer if video else None) or "")
    if hdr and curve and TRANSFER not in said:
        told = {"schemeIdUri": TRANSFER, "value": curve}
        part.append(Element(f"{DASH}SupplementalProperty", told))


def _say_clear_key(part: Element) -> None:
    """Tell players that know the W3C's Clear Key, and no common name of it, that it will do."""
    if any(one.get("schemeIdUri") == COMMON_ENCRYPTION for one in part):
        told = {"schemeIdUri": CLEAR_KEY, "value": "ClearKey1.0"}
        part.append(Element(f"{DASH}ContentProtection", told))
