"""Turn what pydantic found into mistakes a person can mend: line, key, nearest choice."""

from __future__ import annotations

import difflib
import re
import typing
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, SecretStr

from pipeline.settings.errors import ConfigurationError, nearest
from pipeline.settings.secrets import is_reference, without_password

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic import ValidationError
    from pydantic_core import ErrorDetails

    from pipeline.settings.document import Document, Place

#: What pydantic calls a value of the wrong type: what is wrong with it, and what to write.
_WRONG_TYPES = {
    "bool_": ("is neither true nor false", "Write true or false, without quotes."),
    "int_": ("is not a whole number", ""),
    "float_": ("is not a number", ""),
    "finite_number": ("is not a number", ""),
    "string_type": ("is not text", "Put it in quotes."),
    "tuple_type": ("is not a list", "Write [one, two], or a line `- one` for each."),
    "dict_type": ("is not a section", "Write its keys on indented lines below it."),
    "model_": ("is not a section", "Write its keys on indented lines below it."),
}
#: How alike a word must be to a key beside it to be a slip of the pen, and no key of elsewhere.
SLIP = 0.8
#: What people also call what we have one name for.
_ALSO_CALLED = {
    **dict.fromkeys(("h265", "h.265", "x265", "libx265", "hvc1"), "hevc"),
    **dict.fromkeys(("avc", "h.264", "x264", "libx264", "avc1"), "h264"),
    **dict.fromkeys(("svt-av1", "svtav1", "libsvtav1", "av01"), "av1"),
}
#: Small numbers as people say them.
_SPOKEN = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
#: What pydantic calls a number out of its range: the words for it, and where the limit is.
_OUT_OF_RANGE = {
    "greater_than_equal": ("must be at least", "ge"),
    "greater_than": ("must be more than", "gt"),
    "less_than_equal": ("must be at most", "le"),
    "less_than": ("must be less than", "lt"),
    "multiple_of": ("must be a multiple of", "multiple_of"),
}


def mistakes(
    error: ValidationError, document: Document, place: Place, kind: type[BaseModel]
) -> list[ConfigurationError]:
    """List what is wrong with the data at `place`, which should have been a `kind`."""
    found: dict[Place, ConfigurationError] = {}
    details = error.errors(include_url=False)
    for detail in details:
        inner = _as_written((*place, *detail["loc"]), document)
        if inner not in found and not _follows(detail, details):
            problem, hint = _words(detail, kind)
            shown = _shown(document.written.get(inner), detail["loc"], kind)
            found[inner] = document.error(inner, problem, shown, hint)
    return list(found.values())


def _as_written(place: Place, document: Document) -> Place:
    """Give the place of one value that was taken for a list of it, or for that of all keys."""
    while place and place[-1] == "[key]":
        place = place[:-1]
    return place[:-1] if place[:-1] in document.written else place


def _follows(detail: ErrorDetails, details: list[ErrorDetails]) -> bool:
    """Whether a list only is too short because entries of it are wrong."""
    loc = detail["loc"]
    return detail["type"] == "too_short" and any(
        len(other["loc"]) > len(loc) and other["loc"][: len(loc)] == loc for other in details
    )


def _words(detail: ErrorDetails, kind: type[BaseModel]) -> tuple[str, str]:
    context = detail.get("ctx", {})
    match detail["type"]:
        case "extra_forbidden":
            return "is not a key here", _other_key(str(detail["loc"][-1]), kind, detail["loc"][:-1])
        case "missing":
            return "is missing", f"Add it: `{detail['loc'][-1]}: …`."
        case _ if detail["input"] is None:
            return "has no value", "Write one, or remove the line to have its default."
        case "literal_error":
            expected = str(context["expected"]).replace(" or ", ", ")
            choices = [choice.strip().strip("'") for choice in expected.split(",")]
            said = str(detail["input"])
            return "is not a valid choice", nearest(_ALSO_CALLED.get(said.lower(), said), choices)
        case "value_error":
            return str(context["error"]), getattr(context["error"], "hint", "")
        case "too_short" | "too_long" as name:
            least = f"needs at least {context.get('min_length')} entry"
            most = f"has more than {context.get('max_length')} entries"
            return least if name == "too_short" else most, ""
        case name if name in _OUT_OF_RANGE:
            words, limit = _OUT_OF_RANGE[name]
            return f"{words} {context[limit]:g}", ""
        case name:
            for prefix, told in _WRONG_TYPES.items():
                if name.startswith(prefix):
                    return told[0], told[1] or _number_meant(detail["input"])
            return detail["msg"][0].lower() + detail["msg"][1:], ""


def _number_meant(said: object) -> str:
    """Suggest the number where one is written as a word, or with something behind it."""
    word = said.strip().lower() if isinstance(said, str) else ""
    if word in _SPOKEN:
        return f"Write {_SPOKEN.index(word)}."
    digits = re.fullmatch(r"(\d+)\s*[a-z]+", word)
    return f"Write {digits[1]}." if digits else ""


def _other_key(key: str, kind: type[BaseModel], section: tuple[int | str, ...]) -> str:
    model = _model_in(_annotation(kind, section))
    fields = model.model_fields if model else {}
    if difflib.get_close_matches(key, fields, n=1, cutoff=SLIP):
        return nearest(key, fields)
    for name, field in fields.items():
        inner = _model_in(field.annotation)
        if inner is not None and key in inner.model_fields:
            return f"It belongs below `{name}`."
    return nearest(key, fields)


def _shown(written: str | None, place: tuple[int | str, ...], kind: type[BaseModel]) -> str | None:
    """Give what is written at `place`, or None where that could be a secret."""
    if written is None or is_reference(written):
        return written
    section = _model_in(_annotation(kind, place[:-1]))
    if section is not None and place and place[-1] not in section.model_fields:
        # A misspelt key: what is written may be meant for one that holds a secret.
        beside = [field.annotation for field in section.model_fields.values()]
        hidden = any(
            _holds_secret(type_) for type_ in beside if not _model_in(type_, directly=True)
        )
    else:
        hidden = _holds_secret(_annotation(kind, place))
    return None if hidden else without_password(written)


def _annotation(kind: Any, place: tuple[int | str, ...]) -> Any:
    """Find the type that the models give to what stands at `place`; None for nothing known."""
    for part in place:
        model = _model_in(kind, directly=True)
        if model is not None:
            field = model.model_fields.get(str(part))
            kind = field.annotation if field else None
        else:
            kind = next(_contained(kind), None)
    return kind


def _contained(annotation: Any) -> Iterator[Any]:
    """Give the type of what a list or a dictionary of the annotation holds."""
    arguments = typing.get_args(annotation)
    origin = typing.get_origin(annotation)
    if origin is dict:
        yield arguments[1]
    elif origin is tuple:
        yield arguments[0]
    else:
        for argument in arguments:
            yield from _contained(argument)


def _model_in(annotation: Any, *, directly: bool = False) -> type[BaseModel] | None:
    """Find the model in a type; `directly` means: not inside a list or dictionary."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    if directly and typing.get_origin(annotation) in (dict, tuple):
        return None
    found = (_model_in(argument, directly=directly) for argument in typing.get_args(annotation))
    return next((model for model in found if model is not None), None)


def _holds_secret(annotation: Any) -> bool:
    """Whether what is written for this type may be, or contain, a secret."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return any(_holds_secret(field.annotation) for field in annotation.model_fields.values())
    return annotation is SecretStr or any(map(_holds_secret, typing.get_args(annotation)))
