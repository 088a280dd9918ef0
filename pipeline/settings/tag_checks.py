"""Which tags are asked for and given that no worker can have."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.settings.errors import ConfigurationError, nearest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pipeline.settings.document import Document, Place
    from pipeline.settings.pipeline import PipelineSettings
    from pipeline.settings.profiles import Profile

NOT_THERE = "is not one of `tags` in pipeline.yml"


def hint_for(tag: str, there: tuple[str, ...]) -> str:
    """Say what to write instead of a tag that is not there, or how to make it one."""
    return nearest(tag, there) or f"Add it to pipeline.yml: `tags: [{tag}]`."


def check_tags(
    pipeline: PipelineSettings,
    document: Document,
    profiles: Mapping[str, Profile],
    of_profiles: Document,
) -> list[ConfigurationError]:
    """List the tags of folders, profiles and this machine's workers that `tags` does not have."""
    return [
        source.error(place, NOT_THERE, tag, hint_for(tag, pipeline.tags))
        for source, place, tag in (
            *((document, *one) for one in _of_pipeline(pipeline, document)),
            *(
                (of_profiles, (name, "needs"), profile.needs)
                for name, profile in profiles.items()
                if profile.needs is not None
            ),
        )
        if tag not in pipeline.tags
    ]


def _of_pipeline(pipeline: PipelineSettings, document: Document) -> Iterator[tuple[Place, str]]:
    for index, folder in enumerate(pipeline.watch):
        if folder.needs is not None:
            yield ("watch", index, "needs"), folder.needs
    for index, tag in enumerate(pipeline.workers.tags):
        place: Place = ("workers", "tags")
        # They may be written as one text.
        yield place if place in document.written else (*place, index), tag
