"""Values people write in words: `24h`, `128k`, `8K`, `127.0.0.1:8080`."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, PlainSerializer

_DURATION = re.compile(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+(?:\.\d+)?)s)?")
_BITRATE = re.compile(r"(\d+(?:\.\d+)?)([kM]?)")
#: Pixels of the picture sizes people name.
PIXELS = {"1080p": 1920 * 1080, "4K": 4096 * 2304, "8K": 8192 * 4608, "16K": 16384 * 9216}
_LISTEN = re.compile(r"(?:\[([0-9a-fA-F:.]+)\]|([^:\[\]]+)):(\d{1,5})")
_LAST_PORT = 65535


class Part(BaseModel):
    """A part of the configuration: read once, never changed, nothing unknown in it."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def duration(value: Any) -> timedelta:
    """Read a span of time: `90s`, `15m`, `1h30m`, `2d`, or a number of seconds; never 0 or less."""
    if isinstance(value, timedelta):
        span = value
    elif isinstance(value, bool):
        raise ValueError("is not a span of time")  # noqa: TRY004 - pydantic wants ValueError
    elif isinstance(value, (int, float)):
        span = timedelta(seconds=value)
    else:
        match = _DURATION.fullmatch(str(value).strip())
        if match is None or not any(match.groups()):
            raise ValueError("is not a span of time like 90s, 15m, 1h30m or 2d")
        days, hours, minutes, seconds = (float(part or 0) for part in match.groups())
        span = timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
    if span <= timedelta(0):
        raise ValueError("must be longer than nothing")
    return span


def bitrate(value: Any) -> int:
    """Read a bitrate in bits a second: `128k`, `2.5M`, or a number."""
    match = _BITRATE.fullmatch(str(value).strip())
    if match is None or isinstance(value, bool):
        raise ValueError("is not a bitrate like 128k or 2.5M")
    bits = int(float(match[1]) * {"": 1, "k": 1000, "M": 1_000_000}[match[2]])
    if bits < 1:
        raise ValueError("must be more than nothing")
    return bits


def pixels(value: Any) -> int:
    """Read how many pixels a picture may have: `8K`, `4K`, or a number."""
    if isinstance(value, str) and value.strip() in PIXELS:
        return PIXELS[value.strip()]
    if isinstance(value, bool) or not str(value).strip().isdigit() or int(value) < 1:
        raise ValueError(f"is neither a number of pixels nor one of {', '.join(PIXELS)}")
    return int(value)


class Listen(Part):
    """Where a server listens: a host name or address, and a port (0 for any free one)."""

    host: str
    port: int

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


def listen(value: Any) -> Any:
    """Read an address to listen on: `127.0.0.1:8080` or `[::1]:8080`."""
    if isinstance(value, (Listen, dict)):
        return value
    match = _LISTEN.fullmatch(str(value).strip())
    if match is None or int(match[3]) > _LAST_PORT:
        raise ValueError("is not an address like 127.0.0.1:8080")
    return Listen(host=match[1] or match[2], port=int(match[3]))


def seconds_text(span: timedelta) -> str:
    """Write a span of time as the configuration reads it."""
    return f"{span.total_seconds():g}s"


Duration = Annotated[
    timedelta,
    BeforeValidator(duration, json_schema_input_type=str | float),
    PlainSerializer(seconds_text, when_used="json"),
]
Bitrate = Annotated[int, BeforeValidator(bitrate, json_schema_input_type=str | int)]
Pixels = Annotated[int, BeforeValidator(pixels, json_schema_input_type=str | int)]
Address = Annotated[Listen, BeforeValidator(listen, json_schema_input_type=str)]
Folder = Annotated[Path, BeforeValidator(lambda value: Path(str(value)).expanduser())]
