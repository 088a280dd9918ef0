"""Load the whole configuration: four files, the environment's overrides, one check of it all."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel, ValidationError

from pipeline.settings.check import cross_check
from pipeline.settings.document import Document, Place, read_document
from pipeline.settings.errors import ConfigurationError, nearest
from pipeline.settings.explain import mistakes
from pipeline.settings.notifications import Notifications
from pipeline.settings.pipeline import PipelineSettings, WatchFolder
from pipeline.settings.profiles import Profile
from pipeline.settings.schedules import ScheduleEntry

if TYPE_CHECKING:
    from collections.abc import Mapping

Model = TypeVar("Model", bound=BaseModel)

PIPELINE, PROFILES = "pipeline.yml", "profiles.yml"
SCHEDULES, NOTIFICATIONS = "schedules.yml", "notifications.yml"
#: Environment variable → the key of pipeline.yml that it overrides.
OVERRIDES: dict[str, tuple[str, ...]] = {
    "REELWORKS_BROKER": ("broker",),
    "REELWORKS_RESULTS": ("results",),
    "REELWORKS_DATABASE": ("database",),
    "REELWORKS_LIBRARY": ("paths", "library"),
    "REELWORKS_WORK": ("paths", "work"),
    "REELWORKS_STATE": ("paths", "state"),
    "REELWORKS_WEB_LISTEN": ("web", "listen"),
    "REELWORKS_FLOWER_LISTEN": ("flower", "listen"),
    "REELWORKS_FLOWER_PASSWORD": ("flower", "password"),
    "REELWORKS_FFMPEG": ("tools", "ffmpeg"),
    "REELWORKS_FFPROBE": ("tools", "ffprobe"),
    "REELWORKS_PACKAGER": ("tools", "packager"),
}


@dataclass(frozen=True)
class Settings:
    """The configuration, whole and checked. Relative paths are taken from `root`."""

    config_dir: Path
    root: Path
    pipeline: PipelineSettings
    profiles: dict[str, Profile]
    schedules: dict[str, ScheduleEntry]
    notifications: Notifications

    def profile(self, name: str) -> Profile:
        """Give the profile of this name. Raises `ConfigurationError` naming the nearest one."""
        if name not in self.profiles:
            raise ConfigurationError(
                f"there is no profile {name!r}",
                file=self.config_dir / PROFILES,
                hint=nearest(name, self.profiles),
            )
        return self.profiles[name]

    def folder_for(self, path: Path) -> WatchFolder | None:
        """Give the watched folder the path lies in, or None."""
        for folder in self.pipeline.watch:
            if path.is_relative_to(folder.path) and path != folder.path:
                return folder
        return None


def load_settings(
    config_dir: Path | None = None, environ: Mapping[str, str] | None = None
) -> Settings:
    """Load from `config_dir`, else $REELWORKS_CONFIG, else ./config.

    Raises `ConfigurationError` for the first mistake, with all further ones in its `others`.
    """
    environ = os.environ if environ is None else environ
    folder = Path(config_dir or environ.get("REELWORKS_CONFIG") or "config").expanduser().absolute()
    if not folder.is_dir():
        raise ConfigurationError(
            f"there is no configuration folder {folder}",
            hint="Go to the folder that holds `config/`, or name it with --config DIR.",
        )
    loader = _Loader(folder, environ)
    settings = loader.load()
    if loader.problems or settings is None:
        first, *others = loader.problems
        first.others = tuple(others)
        raise first
    return settings


class _Loader:
    """Reads the files one by one and gathers every mistake on the way."""

    def __init__(self, folder: Path, environ: Mapping[str, str]) -> None:
        self.folder, self.root, self.environ = folder, folder.parent, environ
        self.problems: list[ConfigurationError] = []

    def load(self) -> Settings | None:
        documents = {
            name: self._read(name) for name in (PIPELINE, PROFILES, SCHEDULES, NOTIFICATIONS)
        }
        self._require(documents[PIPELINE], documents[PROFILES])
        overridden = self._overridden(documents[PIPELINE])
        pipeline = self._model(PipelineSettings, overridden, overridden.data or {}, ())
        profiles = self._each(Profile, documents[PROFILES])
        schedules = self._each(ScheduleEntry, documents[SCHEDULES])
        alerts = documents[NOTIFICATIONS]
        notifications = self._model(Notifications, alerts, alerts.data or {}, ())
        if self.problems or pipeline is None or notifications is None:
            return None
        settings = Settings(
            config_dir=self.folder,
            root=self.root,
            pipeline=absolute(pipeline, self.root),
            profiles=profiles,
            schedules={name: absolute(entry, self.root) for name, entry in schedules.items()},
            notifications=notifications,
        )
        self.problems += cross_check(settings, overridden, documents[SCHEDULES])
        return settings

    def _read(self, name: str) -> Document:
        file = self.folder / name
        try:
            return read_document(file, self.environ, self.root)
        except ConfigurationError as error:
            self.problems.append(error)
            return Document(file, None, {})

    def _require(self, *documents: Document) -> None:
        for document in documents:
            if document.data is None and not self._complained_about(document.file):
                self.problems.append(
                    ConfigurationError(
                        "it is missing or empty",
                        file=document.file,
                        hint="Copy it from the configuration that comes with Reelworks.",
                    )
                )

    def _complained_about(self, file: Path) -> bool:
        return any(problem.file == file for problem in self.problems)

    def _overridden(self, document: Document) -> Document:
        """Put the environment's values over the file's; mistakes in them name the variable."""
        data = dict(document.data or {})
        lines = dict(document.lines)
        for variable, (*sections, key) in OVERRIDES.items():
            if variable not in self.environ:
                continue
            inner = data
            for section in sections:
                former = inner.get(section)
                inner[section] = dict(former) if isinstance(former, dict) else {}
                inner = inner[section]
            inner[key] = self.environ[variable]
            lines.pop((*sections, key), None)
        return Document(document.file, data, lines)

    def _model(
        self, kind: type[Model], document: Document, data: Any, place: Place
    ) -> Model | None:
        try:
            return kind.model_validate(data)
        except ValidationError as error:
            self.problems += mistakes(error, document, place, kind)
            return None

    def _each(self, kind: type[Model], document: Document) -> dict[str, Model]:
        found = {}
        for name, data in (document.data or {}).items():
            model = self._model(kind, document, data, (name,))
            if model is not None:
                found[name] = model
        return found


def absolute(model: Model, root: Path) -> Model:
    """Take every relative path in the model from `root`."""
    return model.model_copy(
        update={name: _absolute(getattr(model, name), root) for name in type(model).model_fields}
    )


def _absolute(value: Any, root: Path) -> Any:
    if isinstance(value, Path):
        return Path(os.path.normpath(root / value))
    if isinstance(value, BaseModel):
        return absolute(value, root)
    if isinstance(value, tuple):
        return tuple(_absolute(item, root) for item in value)
    return value
