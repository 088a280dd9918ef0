"""Turn what pydantic found into mistakes a person can mend: line, key, nearest choice."""

from __future__ import annotations

import typing
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from pipeline.settings.errors import ConfigurationError, nearest

if TYPE_CHECKING:
    from pydantic import ValidationError
    from pydantic_core import ErrorDetails

    from pipeline.settings.document import Document, Place


def mistakes(
    error: ValidationError, document: Document, place: Place, kind: type[BaseModel]
) -> list[ConfigurationError]:
    """List what is wrong with the data at `place`, which should have been a `kind`."""
    found: dict[Place, ConfigurationError] = {}
    for detail in error.errors(include_url=False):
        inner = _real_place(detail, document, place)
        if inner not in found:
            problem, hint = _words(detail, kind)
            found[inner] = document.error(inner, problem, _shown(detail), hint)
    return list(found.values())


def _real_place(detail: ErrorDetails, document: Document, place: Place) -> Place:
    """Drop the parts of pydantic's location that name a type and not a key of the file."""
    inner: Place = place
    for part in detail["loc"]:
        step = (*inner, part)
        if step in document.lines or isinstance(part, int) or _is_key(part, detail):
            inner = step
    return inner


def _is_key(part: str, detail: ErrorDetails) -> bool:
    is_last = part == detail["loc"][-1]
    return is_last and (part.isidentifier() and part not in ("int", "str", "constrained-int"))


def _words(detail: ErrorDetails, kind: type[BaseModel]) -> tuple[str, str]:
    context = detail.get("ctx", {})
    match detail["type"]:
        case "extra_forbidden":
            section = _section(kind, detail["loc"][:-1])
            return "is not a key here", nearest(
                str(detail["loc"][-1]), section.model_fields if section else ()
            )
        case "missing":
            return "is missing", "Add it."
        case "literal_error":
            expected = str(context["expected"]).replace(" or ", ", ")
            choices = [choice.strip().strip("'") for choice in expected.split(",")]
            return "is not a valid choice", nearest(str(detail["input"]), choices)
        case "value_error":
            return str(context["error"]), ""
        case "string_pattern_mismatch":
            return "is not in a form that is understood", _PATTERNS.get(
                str(detail["loc"][-1]), f"It must look like {context['pattern']}."
            )
        case _:
            return detail["msg"][0].lower() + detail["msg"][1:], ""


#: What to write where a pattern was not met, by key.
_PATTERNS = {
    "broker": "Write `embedded`, redis://…, rediss://…, amqp://… or amqps://….",
    "results": "Write `embedded`, redis://…, db+postgresql+psycopg://… or rpc://.",
    "database": "Write `embedded`, sqlite:///… or postgresql+psycopg://….",
    "user": "A user name has no colon and no space.",
}


def _shown(detail: ErrorDetails) -> Any:
    value = detail.get("input")
    if detail["type"] in ("missing", "extra_forbidden") or isinstance(value, (dict, BaseModel)):
        return None
    secret = {"password", "url"} & {str(part) for part in detail["loc"]}
    return "…" if secret else value


def _section(kind: type[BaseModel], place: tuple[int | str, ...]) -> type[BaseModel] | None:
    """Find the model that describes the section at `place` below `kind`."""
    for part in place:
        if isinstance(part, str) and part in kind.model_fields:
            inner = _model_in(kind.model_fields[part].annotation)
            if inner is None:
                return None
            kind = inner
    return kind


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for argument in typing.get_args(annotation):
        found = _model_in(argument)
        if found is not None:
            return found
    return None
