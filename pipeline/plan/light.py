"""Light: what HDR was graded for, told to each encoder so that screens can fit it to themselves.

ffmpeg hands what a frame says of it to one output of a graph only; the others would lose it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipeline.plan.source import ContentLight, Mastering

if TYPE_CHECKING:
    from pipeline.plan.source import Place, VideoStream

#: Steps in which x265 takes places in the colour plane and luminance (cd/m²): those of the message
#: in the stream (SMPTE ST 2086).
PLACE_STEPS = 50_000
LUMINANCE_STEPS = 10_000
_MASTERING = "Mastering display metadata"
_CONTENT = "Content light level metadata"


def read_light(told: dict[str, Any]) -> tuple[Mastering | None, ContentLight | None]:
    """Read what ffprobe's JSON of a first frame says of its light; None for what it doesn't."""
    said: dict[str, dict[str, Any]] = {
        str(data.get("side_data_type")): data
        for frame in told.get("frames", ())
        for data in frame.get("side_data_list", ())
    }
    return _mastering(said.get(_MASTERING, {})), _content(said.get(_CONTENT, {}))


def _mastering(said: dict[str, Any]) -> Mastering | None:
    try:
        return Mastering(
            red=_place(said, "red"),
            green=_place(said, "green"),
            blue=_place(said, "blue"),
            white=_place(said, "white_point"),
            brightest=_number(said["max_luminance"]),
            darkest=_number(said["min_luminance"]),
        )
    except (KeyError, ValueError, ZeroDivisionError):
        return None  # a file may tell half of it: that is of no use to a screen


def _content(said: dict[str, Any]) -> ContentLight | None:
    most, average = int(said.get("max_content", 0)), int(said.get("max_average", 0))
    return ContentLight(most=most, average=average) if most or average else None


def _place(said: dict[str, Any], name: str) -> Place:
    return _number(said[f"{name}_x"]), _number(said[f"{name}_y"])


def _number(ratio: str) -> float:
    over, _, under = ratio.partition("/")
    return int(over) / int(under)


def x265_light(video: VideoStream | None) -> str:
    """Give what x265's parameters end with, in its steps; "" where the source says nothing."""
    mastering, content = (video.mastering, video.content_light) if video else (None, None)
    said = ""
    if mastering is not None:
        luminance = (mastering.brightest, mastering.darkest)
        light = ",".join(str(round(one * LUMINANCE_STEPS)) for one in luminance)
        said += f":master-display={_places(mastering, PLACE_STEPS)}L({light})"
    if content is not None:
        said += f":max-cll={content.most},{content.average}"
    return said


def svt_light(video: VideoStream | None) -> str:
    """Give what SVT-AV1's parameters end with, as plain numbers; "" as above."""
    mastering, content = (video.mastering, video.content_light) if video else (None, None)
    said = ""
    if mastering is not None:
        light = f"{mastering.brightest:.4f},{mastering.darkest:.4f}"
        said += f":mastering-display={_places(mastering, None)}L({light})"
    if content is not None:
        said += f":content-light={content.most},{content.average}"
    return said


def _places(mastering: Mastering, steps: int | None) -> str:
    named = {
        "G": mastering.green,
        "B": mastering.blue,
        "R": mastering.red,
        "WP": mastering.white,
    }
    if steps is None:
        return "".join(f"{name}({x:.5f},{y:.5f})" for name, (x, y) in named.items())
    stepped = {name: (round(x * steps), round(y * steps)) for name, (x, y) in named.items()}
    return "".join(f"{name}({x},{y})" for name, (x, y) in stepped.items())
