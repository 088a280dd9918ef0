"""JSON schemas of the four files, for editors and other tools."""

from __future__ import annotations

from typing import Any

from pydantic import TypeAdapter

from pipeline.settings.notifications import Notifications
from pipeline.settings.pipeline import PipelineSettings
from pipeline.settings.profiles import Profile
from pipeline.settings.schedules import ScheduleEntry


def json_schemas() -> dict[str, dict[str, Any]]:
    """Give the JSON schema of each file, by its name."""
    return {
        "pipeline.yml": TypeAdapter(PipelineSettings).json_schema(),
        "profiles.yml": TypeAdapter(dict[str, Profile]).json_schema(),
        "schedules.yml": TypeAdapter(dict[str, ScheduleEntry]).json_schema(),
        "notifications.yml": TypeAdapter(Notifications).json_schema(),
    }
