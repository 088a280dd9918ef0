"""Load the whole configuration: four files, the environment's overrides, one check of it all."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel, ValidationError

from pipeline.settings.check import check_keys, check_names, cross_check
from pipeline.settings.document import Document, Place, dotted, read_document
from pipeline.settings.errors import BadValue, ConfigurationError, nearest, together
from pipeline.settings.explain import mistakes
from pipeline.settings.notifications import Notifications
from pipeline.settings.pipeline import UPLOADS, PipelineSettings, WatchFolder
from pipeline.settings.profiles import Profile
from pipeline.settings.schedule_checks import check_entries, check_names_elsewhere
from pipeline.settings.schedules import ScheduleEntry
from pipeline.settings.secrets import expand, is_reference
from pipeline.settings.tag_checks import check_tags
from pipeline.settings.unreadable import is_there
from pipeline.settings.values import folder as path_from

if TYPE_CHECKING:
    from collections.abc import Mapping

Model = TypeVar("Model", bound=BaseModel)

PIPELINE, PROFILES = "pipeline.yml", "profiles.yml"
SCHEDULES, NOTIFICATIONS = "schedules.yml", "notifications.yml"
FILES = (PIPELINE, PROFILES, SCHEDULES, NOTIFICATIONS)
#: Environment variable → the key of pipeline.yml that it overrides, unless it is empty.
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
    "REELWORKS_WORKER_TAGS": ("workers", "tags"),
    "REELWORKS_FFMPEG": ("tools", "ffmpeg"),
    "REELWORKS_FFPROBE": ("tools", "ffprobe"),
    "REELWORKS_PACKAGER": ("tools", "packager"),
    "REELWORKS_VALKEY": ("tools", "valkey"),
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
        """Give the watched folder the path lies in, also by way of links; None for none.

        Of an upload that lies apart in one, what holds for it there.
        """
        plain = Path(os.path.normpath(path.absolute()))
        for written, real in ((plain, False), (Path(os.path.realpath(path)), True)):
            for folder in self.pipeline.watch:
                watched = Path(os.path.realpath(folder.path)) if real else folder.path
                if written.is_relative_to(watched) and written != watched:
                    return self._apart(folder, written.relative_to(watched).parts)
        return None

    def _apart(self, folder: WatchFolder, below: tuple[str, ...]) -> WatchFolder:
        if len(below) > 2 and below[0] == UPLOADS and below[1] in self.profiles:  # noqa: PLR2004
            return folder.apart(below[1])
        return folder


def load_settings(
    config_dir: Path | None = None, environ: Mapping[str, str] | None = None
) -> Settings:
    """Load from `config_dir`, else $REELWORKS_CONFIG, else ./config.

    Raises `ConfigurationError` for the first mistake, with all further ones in its `others`.
    """
    environ = os.environ if environ is None else environ
    folder = Path(os.path.normpath(_named(config_dir, environ).absolute()))
    if wrong := _wrong_folder(folder):
        raise ConfigurationError(
            f"the configuration folder {folder} {wrong}",
            hint="Go to the folder that holds `config/`, or name it with --config DIR.",
        )
    loader = _Loader(folder, environ)
    settings = loader.load()
    if loader.problems or settings is None:
        raise together(sorted(loader.problems, key=_reading_order))
    return settings


def _named(config_dir: Path | None, environ: Mapping[str, str]) -> Path:
    named = config_dir or environ.get("REELWORKS_CONFIG") or "config"
    try:
        return path_from(named)
    except BadValue as error:
        variable = "" if config_dir else "REELWORKS_CONFIG"
        raise ConfigurationError(
            str(error), variable=variable, value=str(named), hint=error.hint
        ) from error


def _wrong_folder(folder: Path) -> str:
    try:
        there = stat.S_ISDIR(folder.stat().st_mode)
    except (FileNotFoundError, NotADirectoryError):
        return "is not there"
    except OSError as error:
        return f"can't be read: {error.strerror}"
    return "" if there else "is a file, not a folder"


def _reading_order(mistake: ConfigurationError) -> tuple[int, int]:
    name = mistake.file.name if mistake.file else ""
    return FILES.index(name) if name in FILES else -1, mistake.line or 0


class _Loader:
    """Reads the files one by one and gathers every mistake on the way."""

    def __init__(self, folder: Path, environ: Mapping[str, str]) -> None:
        self.folder, self.root, self.environ = folder, folder.parent, environ
        self.problems: list[ConfigurationError] = []

    def load(self) -> Settings | None:
        documents = {name: self._read(name) for name in FILES}
        alerts = documents[NOTIFICATIONS]
        self._require(documents[PIPELINE], documents[PROFILES])
        was_read = documents[PIPELINE].data is not None
        documents[PIPELINE] = self._overridden(documents[PIPELINE])
        pipeline = self._model(PipelineSettings, documents[PIPELINE], ())
        profiles = {
            name: absolute(profile, self.root)
            for name, profile in self._each(Profile, documents[PROFILES]).items()
        }
        self.problems += self._untold(check_keys(profiles, documents[PROFILES]))
        schedules = self._each(ScheduleEntry, documents[SCHEDULES])
        self.problems += self._untold(check_entries(schedules, documents[SCHEDULES]))
        notifications = self._model(Notifications, alerts, ())
        self.problems += check_names(alerts, ("channels",))
        if pipeline is not None:
            pipeline = absolute(pipeline, self.root)
            schedules = {name: absolute(entry, self.root) for name, entry in schedules.items()}
            if was_read:
                self._cross_check(pipeline, schedules, documents, notifications)
                self.problems += check_tags(
                    pipeline, documents[PIPELINE], profiles, documents[PROFILES]
                )
        if pipeline is None or notifications is None:
            return None
        return Settings(self.folder, self.root, pipeline, profiles, schedules, notifications)

    def _cross_check(
        self,
        pipeline: PipelineSettings,
        schedules: Mapping[str, ScheduleEntry],
        documents: Mapping[str, Document],
        notifications: Notifications | None,
    ) -> None:
        """Check the parts against each other, as far as they could be read."""
        names = documents[PROFILES].data
        self.problems += cross_check(pipeline, documents[PIPELINE], names)
        channels = None if notifications is None else notifications.channels
        self.problems += check_names_elsewhere(
            schedules, documents[SCHEDULES], pipeline, names, channels
        )

    def _read(self, name: str) -> Document:
        file = self.folder / name
        document = read_document(file, self.environ, self.root)
        self.problems += document.problems
        misnamed = file.with_suffix(".yaml")
        if not is_there(file) and is_there(misnamed):
            problem = f"it is not read: Reelworks reads {name}"
            hint = f"Rename it to {name}."
            self.problems.append(ConfigurationError(problem, file=misnamed, hint=hint))
        return document

    def _require(self, *documents: Document) -> None:
        for document in documents:
            if document.data is None and not document.problems:
                state = "empty" if is_there(document.file) else "missing"
                hint = "Copy it from the configuration that comes with Reelworks (config/)."
                problem = ConfigurationError(f"it is {state}", file=document.file, hint=hint)
                self.problems.append(problem)

    def _overridden(self, document: Document) -> Document:
        """Put the environment's values over the file's; mistakes in them name the variable."""
        data = dict(document.data or {})
        written, variables = dict(document.written), dict(document.variables)
        for variable, place in OVERRIDES.items():
            text = self.environ.get(variable)
            if not text:
                continue
            *sections, key = place
            inner = data
            for section in sections:
                former = inner.get(section)
                inner[section] = dict(former) if isinstance(former, dict) else {}
                inner = inner[section]
            self._forget(document.file, dotted(place))
            written[place], variables[place] = text, variable
            inner[key] = self._expanded(text, variable, dotted(place))
        return replace(document, data=data, written=written, variables=variables)

    def _forget(self, file: Path, key: str) -> None:
        """Drop mistakes in a value that the environment overrides, such as a missing secret."""
        self.problems = [told for told in self.problems if (told.file, told.key) != (file, key)]

    def _expanded(self, text: str, variable: str, key: str) -> str | None:
        try:
            return expand(text, self.environ, self.root)
        except BadValue as error:
            shown = text if is_reference(text) else None
            self.problems.append(
                ConfigurationError(
                    str(error), variable=variable, key=key, value=shown, hint=error.hint
                )
            )
            return None

    def _model(self, kind: type[Model], document: Document, place: Place) -> Model | None:
        data: Any = document.data or {}
        for part in place:
            data = data[part]
        try:
            return kind.model_validate(data)
        except ValidationError as error:
            self.problems += self._untold(mistakes(error, document, place, kind))
            return None

    def _untold(self, mistakes: list[ConfigurationError]) -> list[ConfigurationError]:
        """Leave out values that could not be read: nothing is there, but that is told already."""
        told = {(problem.file, problem.variable, problem.key) for problem in self.problems}
        return [one for one in mistakes if (one.file, one.variable, one.key) not in told]

    def _each(self, kind: type[Model], document: Document) -> dict[str, Model]:
        self.problems += check_names(document)
        found = {}
        for name in document.data or {}:
            model = self._model(kind, document, (name,))
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
