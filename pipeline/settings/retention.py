"""What is kept, and for how long: the sections of a schedule of the task `retention`."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, Field, model_validator

from pipeline.settings.errors import BadValue
from pipeline.settings.values import NOT_BOOL, Part, Size, WholeSeconds, one_or_more


class Keep(Part):
    """What goes: what breaks any of the rules that are given, the oldest first."""

    #: Longer ago than this: the end of a job, the last change of a working folder.
    older_than: WholeSeconds | None = None
    #: All but so many of the newest.
    keep_newest: Annotated[int, Field(ge=1), NOT_BOOL] | None = None
    #: The oldest, until what is left has at most so many bytes.
    max_size: Size | None = None

    @model_validator(mode="after")
    def _some_rule(self) -> Keep:
        rules = [name for name in type(self).model_fields if name != "profiles"]
        if all(getattr(self, name) is None for name in rules):
            raise BadValue("has no rule", f"Write one of {', '.join(rules)}.")
        return self


class KeepFiles(Keep):
    """The same of files, which also leave a disk some room."""

    #: The oldest, until the disk has so many bytes free.
    min_free: Size | None = None


class KeepOutputs(KeepFiles):
    """The same of results, of all profiles or some."""

    profiles: Annotated[
        tuple[str, ...], BeforeValidator(one_or_more, json_schema_input_type=str | list[str])
    ] = ()


class Retention(Part):
    """All that one schedule removes; None for what it leaves alone."""

    outputs: KeepOutputs | None = None
    work: KeepFiles | None = None
    history: Keep | None = None
    #: Only say what would be removed.
    dry_run: Annotated[bool, Field(strict=True)] = False
