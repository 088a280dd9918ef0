"""`pipeline.yml`: folders, addresses, limits, and what listens where."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, SecretStr, field_validator, model_validator

from pipeline.settings.values import Address, Duration, Folder, Listen, Part, Pixels

#: Extensions of the containers people drop into folders, lower case.
MEDIA_EXTENSIONS: tuple[str, ...] = (
    *(".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".ts", ".m2ts", ".mts", ".mpg", ".mpeg"),
    *(".vob", ".flv", ".f4v", ".wmv", ".asf", ".3gp", ".3g2", ".ogv", ".mxf", ".gif", ".webp"),
    *(".dv", ".nut", ".y4m", ".mp3", ".flac", ".wav", ".m4a", ".aac", ".ogg", ".oga", ".opus"),
)
#: One encode keeps about this many cores busy, so a larger machine runs several.
CORES_PER_ENCODE = 8
#: Probing, thumbnails and packaging are short and wait for the disk: a few at once suffice.
MOST_PACKAGE_SLOTS = 4


class Paths(Part):
    """The folders Reelworks writes to. Absolute once loaded."""

    library: Folder = Path("./media/library")
    work: Folder = Path("./media/work")
    state: Folder = Path("./media/state")


class WatchFolder(Part):
    """One watched folder, and what becomes of the files in it."""

    path: Folder
    profile: str = "web"
    on_success: Literal["keep", "archive", "delete"] = "archive"
    on_failure: Literal["keep", "quarantine"] = "quarantine"
    settle_seconds: Annotated[float, Field(gt=0, le=3600)] = 2.0
    polling: bool = False
    #: Where sources go after success and failure; beside the watched folder by default.
    archive: Folder = Path()
    quarantine: Folder = Path()
    priority: Annotated[int, Field(ge=0, le=9)] = 5
    extensions: tuple[str, ...] = MEDIA_EXTENSIONS
    ignore: tuple[str, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _beside_the_folder(cls, values: Any) -> Any:
        if isinstance(values, dict) and "path" in values:
            parent = Path(str(values["path"])).parent
            values = {"archive": parent / "archive", "quarantine": parent / "quarantine", **values}
        return values

    @field_validator("extensions")
    @classmethod
    def _lower_with_dot(cls, extensions: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(f".{extension.lower().lstrip('.')}" for extension in extensions)


class Limits(Part):
    """What a single job may cost."""

    deadline: Duration = timedelta(hours=24)
    attempts: Annotated[int, Field(ge=1, le=100)] = 3
    max_pixels: Pixels = 8192 * 4608
    max_duration: Duration = timedelta(hours=12)


class WebSettings(Part):
    """The web part."""

    listen: Address = Listen(host="127.0.0.1", port=8080)


class FlowerSettings(Part):
    """Flower. Without a password one is made at the first start and kept in the state folder."""

    listen: Address = Listen(host="127.0.0.1", port=5555)
    user: Annotated[str, Field(pattern=r"^[^:\s]+$")] = "reelworks"
    password: SecretStr | None = None


class Workers(Part):
    """How much one machine does at once."""

    encode: Annotated[int, Field(ge=1, le=256)] | Literal["auto"] = "auto"
    package: Annotated[int, Field(ge=1, le=256)] | Literal["auto"] = "auto"
    #: How long stopping waits for work before it is given back.
    stop_grace: Duration = timedelta(seconds=10)

    def encode_slots(self) -> int:
        """How many encodes run at once: one for every eight cores when `auto`."""
        if self.encode == "auto":
            return max(1, (os.cpu_count() or 1) // CORES_PER_ENCODE)
        return self.encode

    def package_slots(self) -> int:
        """How many short media steps run at once."""
        if self.package == "auto":
            return max(1, min(MOST_PACKAGE_SLOTS, (os.cpu_count() or 1) // 2))
        return self.package


class ToolPaths(Part):
    """Programs to use instead of those that were installed with Reelworks."""

    ffmpeg: Folder | None = None
    ffprobe: Folder | None = None
    packager: Folder | None = None
    valkey: Folder | None = None


class PipelineSettings(Part):
    """The whole of `pipeline.yml`."""

    paths: Paths = Paths()
    broker: Annotated[
        str, Field(pattern=r"^(embedded|(redis|rediss|redis\+socket|amqp|amqps)://.+)$")
    ] = "embedded"
    results: Annotated[
        str, Field(pattern=r"^(embedded|((redis|rediss|redis\+socket)://|db\+|rpc://).*)$")
    ] = "embedded"
    database: Annotated[
        str, Field(pattern=r"^(embedded|(sqlite|postgresql|postgresql\+psycopg)://.+)$")
    ] = "embedded"
    watch: tuple[WatchFolder, ...] = ()
    limits: Limits = Limits()
    web: WebSettings = WebSettings()
    flower: FlowerSettings = FlowerSettings()
    workers: Workers = Workers()
    tools: ToolPaths = ToolPaths()
