"""`schedules.yml`: what happens by the clock."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo, field_validator

from pipeline.settings.cron import cron
from pipeline.settings.errors import BadValue, nearest
from pipeline.settings.hours import read_days, read_moment, read_window
from pipeline.settings.retention import Retention
from pipeline.settings.values import (
    NOT_BOOL,
    Folder,
    Part,
    WholeSeconds,
    one_or_more,
)

#: The keys that say when; an entry has one of them.
TIMES = ("cron", "every", "solar", "at", "window")
#: The keys of every entry that runs by the clock.
COMMON = ("task", "cron", "every", "solar", "at", "timezone", "jitter", "expires", "enabled")
#: Task → the keys that only it takes. `encode` is no task but the hours of heavy work.
OWN: dict[str, tuple[str, ...]] = {
    "scan": ("folder",),
    "clean": (),
    "reconcile": (),
    "notify": (),
    "retention": ("outputs", "work", "history", "dry_run"),
    "health": ("recheck", "limit", "profiles"),
    "digest": ("channels",),
    "reencode": ("to", "profiles", "older_than", "limit"),
    "upkeep": (),
    "encode": ("window", "days", "profiles", "urgent"),
}
TaskName = Literal[
    "scan",
    "clean",
    "retention",
    "health",
    "digest",
    "reencode",
    "upkeep",
    "encode",
    "reconcile",
    "notify",
]
SolarEvent = Literal[
    "dawn_astronomical",
    "dawn_nautical",
    "dawn_civil",
    "sunrise",
    "solar_noon",
    "sunset",
    "dusk_civil",
    "dusk_nautical",
    "dusk_astronomical",
]


#: The latitude from which on it can't be told when in the year the sun rises, degrees.
FARTHEST = Decimal("89.9")


def cron_line(value: object) -> str:
    """Read a cron line; see `pipeline.settings.cron`. Raises `BadValue`."""
    if not isinstance(value, str):
        raise BadValue("is not a cron line", 'Write it in quotes, like "0 5 * * mon-fri".')
    return cron(value)


def coordinate(value: object) -> Decimal:
    """Read degrees, to six places as the scheduler's tables keep them. Raises `BadValue`."""
    if isinstance(value, bool) or not isinstance(value, (str, int, float, Decimal)):
        raise BadValue("is not a number of degrees", "Write one like 48.8566.")
    try:
        return Decimal(str(value)).quantize(Decimal("0.000001"))
    except ArithmeticError as error:
        raise BadValue("is not a number of degrees", "Write one like 48.8566.") from error


def _degrees(most: int, east: str) -> AfterValidator:
    def check(value: Decimal) -> Decimal:
        if not -most <= value <= most:
            raise BadValue(f"is not between -{most} and {most}", f"{east} is positive.")
        return value

    return AfterValidator(check)


_Degrees = BeforeValidator(coordinate, json_schema_input_type=float | str)


class Solar(Part):
    """A moment that the sun makes, and where it is looked at from."""

    event: SolarEvent
    latitude: Annotated[Decimal, _degrees(90, "North"), _Degrees]
    longitude: Annotated[Decimal, _degrees(180, "East"), _Degrees]

    @field_validator("latitude")
    @classmethod
    def _has_days(cls, latitude: Decimal, told: ValidationInfo) -> Decimal:
        if abs(latitude) > FARTHEST and told.data.get("event") != "solar_noon":
            raise BadValue(
                "is so near a pole that the sun does not rise and set there",
                f"Go no farther than {FARTHEST} degrees, or choose the event solar_noon or `at`.",
            )
        return latitude


class ScheduleEntry(Retention):
    """One entry: a task, and when it runs; or the hours in which heavy work is done.

    Which keys go together is checked where the file's lines are known (`schedule_checks`).
    """

    task: TaskName
    #: For a scan: the watched folder; None for all.
    folder: Folder | None = None
    #: Five fields with numbers only, whatever was written.
    cron: Annotated[str, BeforeValidator(cron_line, json_schema_input_type=str)] | None = None
    every: WholeSeconds | None = None
    solar: Solar | None = None
    #: Without a distance to UTC it is a time of `timezone`.
    at: Annotated[datetime, BeforeValidator(read_moment, json_schema_input_type=str)] | None = None
    #: `HH:MM-HH:MM`, of `timezone`.
    window: Annotated[str, BeforeValidator(read_window, json_schema_input_type=str)] | None = None
    #: The days on which the window opens, as a field of cron.
    days: Annotated[str, BeforeValidator(read_days, json_schema_input_type=str | list[str])] = "*"
    #: The profiles a window, a check of the library or a re-encode is for; empty for all.
    profiles: Annotated[
        tuple[str, ...], BeforeValidator(one_or_more, json_schema_input_type=str | list[str])
    ] = ()
    #: Jobs of at least this priority don't wait for a window; None: all do.
    urgent: Annotated[int, Field(ge=0, le=9), NOT_BOOL] | None = None
    #: Results that were checked more recently are left out.
    recheck: WholeSeconds | None = None
    #: How many jobs one run takes on.
    limit: Annotated[int, Field(ge=1), NOT_BOOL] | None = None
    #: Who hears of a digest; empty for all channels whose `on` says so.
    channels: Annotated[
        tuple[str, ...], BeforeValidator(one_or_more, json_schema_input_type=str | list[str])
    ] = ()
    #: The profile to re-encode with; None for their own, where that has changed.
    to: str | None = None
    #: Only jobs that ended longer ago are re-encoded.
    older_than: WholeSeconds | None = None
    timezone: str = "UTC"
    #: Each run is put off by a part of this that nobody foresees.
    jitter: WholeSeconds | None = None
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
