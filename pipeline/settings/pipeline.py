"""`pipeline.yml`: folders, addresses, limits, and what listens where."""

from __future__ import annotations

import os
import re
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BeforeValidator,
    Field,
    SecretStr,
    ValidationInfo,
    field_validator,
    model_validator,
)

from pipeline.settings.errors import BadValue
from pipeline.settings.urls import EMBEDDED, Broker, Database, Results
from pipeline.settings.values import (
    NOT_BOOL,
    PIXELS,
    Address,
    Duration,
    DurationFromZero,
    Folder,
    Isolation,
    Listen,
    Memory,
    Part,
    Pixels,
    Size,
    Slots,
    Tag,
    Tags,
    folder,
    none_is_empty,
)

#: Extensions of the containers people drop into folders, lower case.
MEDIA_EXTENSIONS: tuple[str, ...] = (
    *(".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".ts", ".m2ts", ".mts", ".mpg", ".mpeg"),
    *(".vob", ".flv", ".f4v", ".wmv", ".asf", ".3gp", ".3g2", ".ogv", ".mxf", ".gif", ".webp"),
    *(".dv", ".nut", ".y4m", ".qt", ".mk3d", ".ivf", ".obu", ".h264", ".264", ".hevc", ".265"),
    *(".m2v", ".mp3", ".flac", ".wav", ".m4a", ".m4b", ".mka", ".aac", ".ogg", ".oga", ".opus"),
    *(".aif", ".aiff", ".caf", ".w64", ".au", ".wma", ".ac3", ".eac3", ".dts", ".thd", ".mp2"),
    *(".amr", ".wv", ".tta", ".mlp", ".voc", ".loas", ".latm", ".wtv"),
)
_HOST = re.compile(r"(?=.{1,253}$)[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?(\.[A-Za-z0-9_-]+)*")
#: The hidden folder in a watched one where uploads lie that another profile is to make.
UPLOADS = ".uploads"
_MARKER = re.compile(r"\.[A-Za-z0-9_.-]{1,32}")
_EXTENSION = re.compile(r"\.?[A-Za-z0-9_+-]{1,16}")
#: One encode keeps about this many cores busy, so a larger machine runs several.
CORES_PER_ENCODE = 8
#: Probing, thumbnails and packaging are short and wait for the disk: a few at once suffice, and
#: one alone would have the encoder wait for its next source where clips are short.
MOST_PACKAGE_SLOTS = 4


def _without_default(schema: dict[str, Any]) -> None:
    """Leave the default out of the JSON schema: it depends on another key."""
    schema.pop("default", None)


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
    settle_seconds: Annotated[float, Field(gt=0, le=3600, allow_inf_nan=False)] = 2.0
    polling: bool = False
    #: Where sources go after success and failure; beside the watched folder by default.
    archive: Annotated[Folder, Field(json_schema_extra=_without_default)] = Path()
    quarantine: Annotated[Folder, Field(json_schema_extra=_without_default)] = Path()
    priority: Annotated[int, Field(ge=0, le=9), NOT_BOOL] = 5
    extensions: Annotated[tuple[str, ...], Field(min_length=1)] = MEDIA_EXTENSIONS
    ignore: Annotated[tuple[str, ...], BeforeValidator(none_is_empty)] = ()
    #: What the name of a file ends in that marks another one as whole: `.ready`, `.done`.
    marker: str | None = None
    #: What becomes of content that has a job already, under another name.
    duplicates: Literal["skip", "process"] = "skip"
    #: The tag that workers must have to encode its files.
    needs: Tag | None = None

    @model_validator(mode="before")
    @classmethod
    def _beside_the_folder(cls, values: Any) -> Any:
        if not isinstance(values, dict) or "path" not in values:
            return values
        try:
            parent = Path(os.path.normpath(folder(values["path"]))).parent
        except BadValue:
            return values  # told where `path` itself is read
        return {"archive": parent / "archive", "quarantine": parent / "quarantine", **values}

    @field_validator("marker")
    @classmethod
    def _is_ending(cls, marker: str | None, info: ValidationInfo) -> str | None:
        if marker is None:
            return None
        if not _MARKER.fullmatch(marker):
            raise BadValue("is not the end of a name", "Write like .ready or .done.")
        if marker.lower() in info.data.get("extensions", ()):
            raise BadValue("is an extension of media too", "Choose another, like .ready.")
        return marker

    @field_validator("extensions")
    @classmethod
    def _lower_with_dot(cls, extensions: tuple[str, ...]) -> tuple[str, ...]:
        for extension in extensions:
            if not _EXTENSION.fullmatch(extension):
                raise BadValue(f"has {extension!r}, which is no extension", "Write like .mp4.")
        written = (f".{extension.lower().lstrip('.')}" for extension in extensions)
        return tuple(dict.fromkeys(written))

    def apart(self, profile: str) -> Self:
        """Give the entry of the uploads in it that this profile is to make: they lie apart.

        The rest holds for them too. They are whole, and nobody marks them.
        """
        place = self.path / UPLOADS / profile
        return self.model_copy(update={"path": place, "profile": profile, "marker": None})


class Limits(Part):
    """What a single job may cost."""

    deadline: Duration = timedelta(hours=24)
    attempts: Annotated[int, Field(ge=1, le=100), NOT_BOOL] = 3
    max_pixels: Pixels = PIXELS["8K"]
    max_duration: Duration = timedelta(hours=12)
    max_streams: Annotated[int, Field(ge=1, le=1000), NOT_BOOL] = 256
    #: What one tool may take: memory, and what it may write into one file, bytes.
    max_memory: Memory = "auto"
    max_output: Size = 500 << 30
    isolation: Isolation = "auto"


class WebSettings(Part):
    """The web part."""

    listen: Address = Listen(host="127.0.0.1", port=8080)
    #: Further names to answer to: what a proxy in front passes on as the host.
    hosts: Annotated[tuple[str, ...], BeforeValidator(none_is_empty)] = ()

    @field_validator("hosts")
    @classmethod
    def _are_hosts(cls, hosts: tuple[str, ...]) -> tuple[str, ...]:
        for host in hosts:
            if not _HOST.fullmatch(host):
                raise BadValue(
                    f"has {host!r}, which is no host's name",
                    "Write the name alone, like media.example.org: no port, no address of a page.",
                )
        return hosts


class FlowerSettings(Part):
    """Flower. Without a password one is made at the first start and kept in the state folder."""

    listen: Address = Listen(host="127.0.0.1", port=5555)
    user: str = "reelworks"
    password: SecretStr | None = None

    @field_validator("user")
    @classmethod
    def _is_user(cls, user: str) -> str:
        if not user or any(character in ":," or character.isspace() for character in user):
            raise BadValue("is not a user's name", "Write one without spaces, colons and commas.")
        return user

    @field_validator("password")
    @classmethod
    def _is_password(cls, password: SecretStr | None) -> SecretStr | None:
        # Flower reads a comma as the end of one user and the beginning of another.
        if password is not None and (not password or "," in password.get_secret_value()):
            raise BadValue("is empty or has a comma in it", "Write another, or leave it out.")
        return password


class Workers(Part):
    """How much one machine does at once."""

    encode: Slots = "auto"
    package: Slots = "auto"
    #: How long stopping waits for work before it is given back; nothing is not at all.
    stop_grace: DurationFromZero = timedelta(seconds=5)
    #: What the workers of this machine have that not all have.
    tags: Tags = ()

    def encode_slots(self) -> int:
        """How many encodes run at once: one for every eight cores when `auto`."""
        if self.encode == "auto":
            return max(1, (os.cpu_count() or 1) // CORES_PER_ENCODE)
        return self.encode

    def package_slots(self) -> int:
        """How many short media steps run at once."""
        if self.package == "auto":
            return min(MOST_PACKAGE_SLOTS, os.cpu_count() or 1)
        return self.package


class ToolPaths(Part):
    """Programs to use instead of those that were installed with Reelworks."""

    ffmpeg: Folder | None = None
    ffprobe: Folder | None = None
    packager: Folder | None = None
    valkey: Folder | None = None


class Tls(Part):
    """Whom to believe, and who we are, where an address asks for TLS; PEM files.

    Without `ca` the system's authorities are believed.
    """

    ca: Folder | None = None
    certificate: Folder | None = None
    key: Folder | None = None


class PipelineSettings(Part):
    """The whole of `pipeline.yml`."""

    paths: Paths = Paths()
    broker: Broker = EMBEDDED
    results: Results = EMBEDDED
    database: Database = EMBEDDED
    tls: Tls = Tls()
    watch: Annotated[tuple[WatchFolder, ...], BeforeValidator(none_is_empty)] = ()
    limits: Limits = Limits()
    web: WebSettings = WebSettings()
    flower: FlowerSettings = FlowerSettings()
    workers: Workers = Workers()
    #: All tags that workers may have, on whichever machine.
    tags: Tags = ()
    tools: ToolPaths = ToolPaths()
