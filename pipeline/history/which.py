"""Which jobs to list: those whose file is named so, those of one profile."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import func

from pipeline.models import Job

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement


@dataclass(frozen=True)
class Which:
    """What is asked for; None asks for nothing in particular.

    `name` is a part of the name the file was found with, in capitals or not; `profile` a profile.
    """

    name: str | None = None
    profile: str | None = None

    def conditions(self) -> list[ColumnElement[bool]]:
        """Say it as conditions on the jobs' rows."""
        asked: list[ColumnElement[bool]] = []
        if self.name is not None:
            asked.append(_file_name().icontains(self.name, autoescape=True))
        if self.profile is not None:
            asked.append(Job.profile == self.profile)
        return asked


ALL = Which()


def _file_name() -> ColumnElement[str]:
    # Everything that is no slash is trimmed from the path's end: what is left is the folder.
    path = Job.original_path
    folder = func.rtrim(path, func.replace(path, "/", ""))
    return func.substr(path, func.length(folder) + 1)
