"""JSON schemas of the four files, for editors and other tools."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema

from pipeline.settings.load import NOTIFICATIONS, PIPELINE, PROFILES, SCHEDULES
from pipeline.settings.notifications import Notifications
from pipeline.settings.pipeline import PipelineSettings
from pipeline.settings.profiles import Profile
from pipeline.settings.schedules import ScheduleEntry
from pipeline.settings.values import Listen, seconds_text


class _AsWritten(GenerateJsonSchema):
    """Writes defaults as people write them in the files."""

    def encode_default(self, dft: Any) -> Any:
        if isinstance(dft, timedelta):
            return seconds_text(dft)
        return str(dft) if isinstance(dft, Listen) else super().encode_default(dft)


def json_schemas() -> dict[str, dict[str, Any]]:
    """Give the JSON schema of each file, by its name."""
    files: dict[str, Any] = {
        PIPELINE: PipelineSettings,
        PROFILES: dict[str, Profile],
        SCHEDULES: dict[str, ScheduleEntry],
        NOTIFICATIONS: Notifications,
    }
    return {
        name: {
            "$schema": _AsWritten.schema_dialect,
            **TypeAdapter(kind).json_schema(schema_generator=_AsWritten),
        }
        for name, kind in files.items()
    }
