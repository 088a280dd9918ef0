"""What is made of a source besides its renditions: posters, storyboard, preview, waveform."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from pipeline.settings.errors import BadValue
from pipeline.settings.values import NOT_BOOL, Part, duration, seconds_text

#: The widest poster, pixels: the frames one is chosen from are held in memory at that size.
WIDEST_POSTER = 1920
_PERCENT = re.compile(r"(\d{1,3}(?:\.\d+)?)\s*%")
_WHOLE = 100.0

Width = Annotated[int, Field(ge=16, le=WIDEST_POSTER, multiple_of=2), NOT_BOOL]
PictureFormat = Literal["jpeg", "webp"]
Extra = Literal["storyboard", "preview", "waveform"]


def place(value: Any) -> str:
    """Read a place in a film: `auto`, a time from its start, or a share of it.

    Gives `auto`, a span of time as `seconds_text` writes it, or a number followed by `%`.
    Raises `BadValue`.
    """
    text = str(value).strip().lower()
    if text == "auto":
        return text
    share = _PERCENT.fullmatch(text)
    if share is not None and float(share[1]) <= _WHOLE:
        return f"{float(share[1]):g}%"
    try:
        return seconds_text(duration(value))
    except BadValue as error:
        raise BadValue(
            "is not a place in a film", "Write auto, a time like 12s or 1m30s, or a share like 25%."
        ) from error


def _each_once(values: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(dict.fromkeys(values))


def _widest_first(widths: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(sorted(set(widths), reverse=True))


class PosterSettings(Part):
    """The thumbnail rule: which frame stands for the film, and in which sizes and formats.

    `sizes` are widths, pixels; those above the source's are left out.
    """

    at: Annotated[str, BeforeValidator(place, json_schema_input_type=str | float)] = "auto"
    sizes: Annotated[tuple[Width, ...], Field(min_length=1), AfterValidator(_widest_first)] = (
        1280,
        640,
        320,
    )
    formats: Annotated[
        tuple[PictureFormat, ...], Field(min_length=1), AfterValidator(_each_once)
    ] = ("jpeg", "webp")


#: What a profile may ask for besides; each is made where the source has what it is made of.
Extras = Annotated[tuple[Extra, ...], AfterValidator(_each_once)]
