"""`schedules.yml`: what happens by the clock."""

from __future__ import annotations

import re
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import Field, field_validator, model_validator

from pipeline.settings.values import Duration, Folder, Part

#: The five fields of a cron line with their lowest and highest value.
CRON_FIELDS = (
    ("minute", 0, 59),
    ("hour", 0, 23),
    ("day of month", 1, 31),
    ("month", 1, 12),
    ("day of week", 0, 7),
)
_TERM = re.compile(r"(?:\*|(\d+)(?:-(\d+))?)(?:/(\d+))?")


class ScheduleEntry(Part):
    """One entry: a task, and either `cron` or `every`."""

    task: Literal["scan", "reconcile", "notify", "clean"]
    #: For a scan: the watched folder; None for all.
    folder: Folder | None = None
    cron: str | None = None
    every: Duration | None = None
    timezone: str = "UTC"
    #: How late a run may still begin.
    expires: Duration | None = None
    enabled: Annotated[bool, Field(strict=True)] = True

    @field_validator("cron")
    @classmethod
    def _is_cron(cls, line: str | None) -> str | None:
        if line is not None:
            _check_cron(line)
        return line

    @field_validator("timezone")
    @classmethod
    def _is_timezone(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (KeyError, ValueError, OSError) as error:
            raise ValueError("is not a time zone like UTC or Europe/Paris") from error
        return name

    @model_validator(mode="after")
    def _one_clock(self) -> ScheduleEntry:
        if (self.cron is None) == (self.every is None):
            raise ValueError("needs either `cron` or `every`")
        if self.folder is not None and self.task != "scan":
            raise ValueError("`folder` is only for the task `scan`")
        return self


def _check_cron(line: str) -> None:
    fields = line.split()
    if len(fields) != len(CRON_FIELDS):
        raise ValueError("is not five fields: minute, hour, day of month, month, day of week")
    for field, (name, low, high) in zip(fields, CRON_FIELDS, strict=True):
        for term in field.split(","):
            match = _TERM.fullmatch(term)
            numbers = [int(number) for number in match.groups()[:2] if number] if match else None
            if numbers is None or not all(low <= number <= high for number in numbers):
                raise ValueError(f"has {term!r} as {name}, which goes from {low} to {high}")
            if numbers != sorted(numbers) or (match is not None and match[3] == "0"):
                raise ValueError(f"has {term!r} as {name}, which is no range")
