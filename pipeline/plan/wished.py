"""What somebody said of a source, beside what the file says of itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pipeline.plan.source import Source


def described(
    source: Source, *, title: str | None, language: str | None, tags: Mapping[str, str] | None
) -> Source:
    """Give the source as it was described: sounds that name no language have this one.

    Title and tags are for the files that are made of it.
    """
    told = {**(tags or {}), **({"title": title} if title else {})}
    audio = tuple(
        one if one.language or language is None else one.model_copy(update={"language": language})
        for one in source.audio
    )
    return source.model_copy(update={"audio": audio, "tags": told})
