"""`schedules.yml`: what happens by the clock."""

from __future__ import annotations

from typing import Annotated, Literal
from zoneinfo import ZoneInfo, available_timezones

from pydantic import BeforeValidator, Field, field_validator, model_validator

from pipeline.settings.cron import cron
from pipeline.settings.errors import BadValue, nearest
from pipeline.settings.values import Folder, Part, WholeSeconds


def cron_line(value: object) -> str:
    """Read a cron line; see `pipeline.settings.cron`. Raises `BadValue`."""
    if not isinstance(value, str):
        raise BadValue("is not a cron line", 'Write it in quotes, like "0 5 * * mon-fri".')
    return cron(value)


class ScheduleEntry(Part):
    """One entry: a task, and either `cron` or `every`."""

    task: Literal["scan", "reconcile", "notify", "clean"]
    #: For a scan: the watched folder; None for all.
    folder: Folder | None = None
    #: Five fields with numbers only, whatever was written.
    cron: Annotated[str, BeforeValidator(cron_line, json_schema_input_type=str)] | None = None
    every: WholeSeconds | None = None
    timezone: str = "UTC"
    #: How late a run may still begin.
    expires: WholeSeconds | None = None
    enabled: Annotated[bool, Field(strict=True)] = True

    @field_validator("timezone")
    @classmethod
    def _is_timezone(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (KeyError, ValueError, OSError) as error:
            hint = nearest(name, sorted(available_timezones()))
            raise BadValue(
                "is not a time zone", hint or "Write one like UTC or Europe/Paris."
            ) from error
        return name

    @model_validator(mode="after")
    def _one_clock(self) -> ScheduleEntry:
        if (self.cron is None) == (self.every is None):
            count = "neither" if self.cron is None else "both"
            raise BadValue(f"has {count} of `cron` and `every`", "Write one of the two.")
        if self.folder is not None and self.task != "scan":
            raise BadValue("has a `folder`, which only the task `scan` takes", "Remove `folder`.")
        return self
