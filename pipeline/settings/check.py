"""What no single value shows: names that must exist elsewhere, folders that must not overlap."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.settings.errors import ConfigurationError, nearest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pipeline.settings.document import Document, Place
    from pipeline.settings.load import Settings


def cross_check(
    settings: Settings, pipeline: Document, schedules: Document
) -> list[ConfigurationError]:
    """List the mistakes between the parts of a configuration that are right by themselves."""
    return [
        *_unknown_profiles(settings, pipeline),
        *_overlapping(settings, pipeline),
        *_unwatched(settings, schedules),
    ]


def _unknown_profiles(settings: Settings, document: Document) -> Iterator[ConfigurationError]:
    for index, folder in enumerate(settings.pipeline.watch):
        if folder.profile not in settings.profiles:
            hint = nearest(folder.profile, settings.profiles)
            place = ("watch", index, "profile")
            yield document.error(place, "is not in profiles.yml", folder.profile, hint)


def _overlapping(settings: Settings, document: Document) -> Iterator[ConfigurationError]:
    """Find folders we write to inside folders we watch: results would be taken for sources."""
    paths = settings.pipeline.paths
    ours: dict[Place, Path] = {
        ("paths", name): getattr(paths, name) for name in ("library", "work", "state")
    }
    for index, folder in enumerate(settings.pipeline.watch):
        moved: dict[Place, Path] = {
            ("watch", index, key): getattr(folder, key) for key in ("archive", "quarantine")
        }
        for place, path in {**ours, **moved}.items():
            if path.is_relative_to(folder.path):
                problem = f"lies inside the watched folder {folder.path}"
                yield document.error(place, problem, str(path), "Choose a folder outside it.")
        for other in settings.pipeline.watch[:index]:
            if folder.path.is_relative_to(other.path) or other.path.is_relative_to(folder.path):
                problem = f"overlaps with the watched folder {other.path}"
                hint = "Watch only one of them: subfolders are watched with their folder."
                yield document.error(("watch", index, "path"), problem, str(folder.path), hint)


def _unwatched(settings: Settings, document: Document) -> Iterator[ConfigurationError]:
    watched = {str(folder.path) for folder in settings.pipeline.watch}
    for name, entry in settings.schedules.items():
        if entry.folder is not None and str(entry.folder) not in watched:
            hint = nearest(str(entry.folder), watched)
            problem = "is not a watched folder of pipeline.yml"
            yield document.error((name, "folder"), problem, str(entry.folder), hint)
