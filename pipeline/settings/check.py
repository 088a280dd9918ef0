"""What no single value shows: names that must exist elsewhere, folders that must not overlap."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.settings.errors import ConfigurationError, nearest
from pipeline.settings.tls import check_tls

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from pipeline.settings.document import Document, Place
    from pipeline.settings.pipeline import PipelineSettings
    from pipeline.settings.profiles import Profile
    from pipeline.settings.values import Listen

#: The tables keep no longer names.
LONGEST_NAME = 100
#: Hosts that mean every network of the machine.
_EVERYWHERE = frozenset({"0.0.0.0", "::"})  # noqa: S104 - compared with, not listened on


def check_names(document: Document, section: Place = ()) -> list[ConfigurationError]:
    """List the names of profiles, schedules or channels that can't be used as names."""
    data = document.data or {}
    for part in section:
        data = data.get(str(part)) or {}
    found = []
    for name in data if isinstance(data, dict) else ():
        if not name.strip() or not name.isprintable() or "/" in name or name != name.strip():
            problem, hint = "is not a name", "Use letters, digits, - and _."
        elif len(name) > LONGEST_NAME:
            problem, hint = "is too long a name", f"Use at most {LONGEST_NAME} letters."
        else:
            continue
        found.append(document.error((*section, name), problem, None, hint))
    return found


def cross_check(
    pipeline: PipelineSettings,
    document: Document,
    profiles: Collection[str] | None,
) -> list[ConfigurationError]:
    """List the mistakes between the parts of `pipeline.yml` that are right by themselves.

    `profiles` names what profiles.yml holds; None when it can't be read.
    """
    return [
        *(() if profiles is None else _unknown_profiles(pipeline, document, profiles)),
        *_results_where_sources_are(pipeline, document),
        *_watched_twice(pipeline, document),
        *_watched_where_results_are(pipeline, document),
        *_swept_away(pipeline, document),
        *_same_port(pipeline, document),
        *check_tls(pipeline, document),
    ]


def check_keys(profiles: Mapping[str, Profile], document: Document) -> list[ConfigurationError]:
    """List the profiles that are to encrypt and have no key for it."""
    return [
        document.error((name, "encryption", "key"), "is missing", None, "Add it: `key: …`.")
        for name, profile in profiles.items()
        if profile.encryption is not None and profile.encryption.key is None
    ]


def _unknown_profiles(
    pipeline: PipelineSettings, document: Document, profiles: Collection[str]
) -> Iterator[ConfigurationError]:
    for index, folder in enumerate(pipeline.watch):
        if folder.profile not in profiles:
            hint = nearest(folder.profile, profiles) or "Add it to profiles.yml."
            place = ("watch", index, "profile")
            yield document.error(place, "is not in profiles.yml", folder.profile, hint)


def _results_where_sources_are(
    pipeline: PipelineSettings, document: Document
) -> Iterator[ConfigurationError]:
    """Find folders we write to inside folders we watch: results would be taken for sources."""
    ours: dict[Place, Path] = {
        ("paths", name): getattr(pipeline.paths, name) for name in ("library", "work", "state")
    }
    for index, folder in enumerate(pipeline.watch):
        for key in ("archive", "quarantine"):
            ours["watch", index, key] = getattr(folder, key)
    for place, path in ours.items():
        for folder in pipeline.watch:
            if _inside(path, folder.path):
                problem = f"lies inside the watched folder {folder.path}"
                yield document.error(place, problem, str(path), "Choose a folder outside it.")


def _watched_twice(pipeline: PipelineSettings, document: Document) -> Iterator[ConfigurationError]:
    for index, folder in enumerate(pipeline.watch):
        for other in pipeline.watch[:index]:
            if _inside(folder.path, other.path) or _inside(other.path, folder.path):
                problem = f"overlaps with the watched folder {other.path}"
                hint = "Watch only one of them: subfolders are watched with their folder."
                yield document.error(("watch", index, "path"), problem, str(folder.path), hint)


def _watched_where_results_are(
    pipeline: PipelineSettings, document: Document
) -> Iterator[ConfigurationError]:
    """Find sources inside the library, where results may come to lie among them, and in work."""
    for index, folder in enumerate(pipeline.watch):
        for name in ("library", "work"):
            path = getattr(pipeline.paths, name)
            if _inside(folder.path, path) and not _same(folder.path, path):
                problem = f"lies inside paths.{name}, {path}"
                hint = "Watch a folder outside it."
                yield document.error(("watch", index, "path"), problem, str(folder.path), hint)


def _swept_away(pipeline: PipelineSettings, document: Document) -> Iterator[ConfigurationError]:
    """Find what must stay inside the work folder, from which the task `clean` removes folders."""
    for name in ("library", "state"):
        path = getattr(pipeline.paths, name)
        if _inside(path, pipeline.paths.work):
            problem = f"lies inside paths.work, {pipeline.paths.work}, which is swept"
            hint = "Choose a folder outside it."
            yield document.error(("paths", name), problem, str(path), hint)


def _same_port(pipeline: PipelineSettings, document: Document) -> Iterator[ConfigurationError]:
    web, flower = pipeline.web.listen, pipeline.flower.listen
    if web.port and web.port == flower.port and _hosts_meet(web, flower):
        problem = f"is where the web part listens too ({web})"
        place = ("flower", "listen")
        yield document.error(place, problem, str(flower), "Choose another port for one of them.")


def _hosts_meet(one: Listen, other: Listen) -> bool:
    return one.host == other.host or bool(_EVERYWHERE & {one.host, other.host})


def _inside(path: Path, folder: Path) -> bool:
    """Whether the path is the folder or lies in it, also by way of links."""
    return path.is_relative_to(folder) or _real(path).is_relative_to(_real(folder))


def _same(path: Path, other: Path) -> bool:
    return _real(path) == _real(other)


def _real(path: Path) -> Path:
    return Path(os.path.realpath(path))
