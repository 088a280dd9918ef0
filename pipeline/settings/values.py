"""Values people write in words: `24h`, `128k`, `8K`, `127.0.0.1:8080`."""

from __future__ import annotations

import ipaddress
import math
import re
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, model_validator

from pipeline.settings.errors import BadValue

_NUMBER = r"(\d+(?:\.\d+)?)"
_DURATION = re.compile(rf"(?:{_NUMBER}d)?(?:{_NUMBER}h)?(?:{_NUMBER}m)?(?:{_NUMBER}s)?")
_SIZE = re.compile(rf"{_NUMBER}\s*([kmgt]?)(?:i?b)?")
#: ffmpeg with its libraries does not start with less, bytes.
LEAST_MEMORY = 256 << 20
_BITRATE = re.compile(rf"{_NUMBER}([km]?)")
#: Pixels of the picture sizes people name, with room for the wider ones of the cinema (4096 by 2160
#: and 8192 by 4320).
PIXELS = {"1080p": 1920 * 1080, "4K": 4096 * 2304, "8K": 8192 * 4608, "16K": 16384 * 9216}
#: Longer spans are slips of the pen, and a date that far ahead may not exist.
LONGEST = timedelta(days=3650)
_LISTEN = re.compile(r"(?:\[([0-9a-fA-F:.%\w]+)\]|([^:\[\]\s]+)):(\d{1,9})")
_LAST_PORT = 65535
_HOST = re.compile(r"(?=.{1,253}$)(?!-)[A-Za-z0-9_-]{1,63}(?:\.[A-Za-z0-9_-]{1,63})*\.?")
_TAG = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")
#: What workers tell of themselves, so that nobody has to.
FOUND_OUT = frozenset({"cpu", "gpu", "nvenc", "qsv", "vaapi"})
#: Our queues whose names are one word: RabbitMQ would hand a retry of what needs such a tag
#: (`encode.cpu.check`) to them, too.
QUEUES = frozenset({"package", "probe", "control", "ingest", "notify", "check"})
#: Each tag has queues of its own on the broker.
MOST_TAGS = 16
#: One machine runs no more processes of a kind than this.
MOST_SLOTS = 256


class Part(BaseModel):
    """A part of the configuration: read once, never changed, nothing unknown in it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _nothing_is_all_defaults(cls, values: Any) -> Any:
        """Take a section whose keys are all commented out as one that is not there."""
        return {} if values is None else values


def none_is_empty(value: Any) -> Any:
    """Take a list or section whose entries are all commented out as an empty one."""
    return () if value is None else value


def one_or_more(value: Any) -> Any:
    """Take one word as a list of it."""
    return [value] if isinstance(value, str) else value


def duration(value: Any) -> timedelta:
    """Read a span of time: `90s`, `15m`, `1h30m`, `2d`, or a number of seconds; never below 0.

    Raises `BadValue`.
    """
    span = value if isinstance(value, timedelta) else timedelta(seconds=_seconds(value))
    if span < timedelta(0):
        raise BadValue("is less than nothing", "Write it without the minus.")
    return span


def _seconds(value: Any) -> float:
    words = re.sub(r"(?<=[dhms])\s+(?=\d)", "", str(value).strip().lower())
    sign = -1 if words.startswith("-") else 1
    match = _DURATION.fullmatch(words.lstrip("-"))
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        seconds = float(value)
    elif isinstance(value, str) and re.fullmatch(rf"-?{_NUMBER}", words):
        seconds = float(words)
    elif isinstance(value, str) and match is not None and any(match.groups()):
        days, hours, minutes, rest = (float(part or 0) for part in match.groups())
        seconds = sign * (((days * 24 + hours) * 60 + minutes) * 60 + rest)
    else:
        raise BadValue("is not a span of time", "Write one like 90s, 15m, 1h30m or 2d.")
    if not math.isfinite(seconds) or seconds > LONGEST.total_seconds():
        raise BadValue("is too long", f"The longest span of time is {LONGEST.days}d.")
    return seconds


def some_duration(value: Any) -> timedelta:
    """Read a span of time that is longer than nothing. Raises `BadValue`."""
    span = duration(value)
    if not span:
        raise BadValue("must be longer than nothing", "Write one like 90s, 15m, 1h30m or 2d.")
    return span


def whole_seconds(value: Any) -> timedelta:
    """Read a span of time of at least one second, without parts of seconds. Raises `BadValue`."""
    span = duration(value)
    if span < timedelta(seconds=1) or span.microseconds:
        raise BadValue("must be whole seconds, and at least one", "Write one like 30s, 5m or 1h.")
    return span


def seconds_text(span: timedelta) -> str:
    """Write a span of time as the configuration reads it: `1d`, `1h30m`, `2.5s`."""
    minutes, seconds = divmod(span.seconds, 60)
    hours, minutes = divmod(minutes, 60)
    text = "".join(
        f"{count}{unit}"
        for count, unit in ((span.days, "d"), (hours, "h"), (minutes, "m"))
        if count
    )
    if seconds or span.microseconds or not text:
        rest = f"{seconds}.{span.microseconds:06d}".rstrip("0").rstrip(".")
        text += f"{rest if span.microseconds else seconds}s"
    return text


def bitrate(value: Any) -> int:
    """Read a bitrate in bits a second: `128k`, `2.5M`, or a number. Raises `BadValue`."""
    match = _BITRATE.fullmatch(str(value).strip().lower())
    if match is None or isinstance(value, bool):
        raise BadValue("is not a bitrate", "Write one like 128k or 2.5M, in bits a second.")
    return round(float(match[1]) * {"": 1, "k": 1000, "m": 1_000_000}[match[2]])


def pixels(value: Any) -> int:
    """Read how many pixels a picture may have: `8K`, `4K`, or a number. Raises `BadValue`."""
    text = str(value).strip()
    named = {name.lower(): count for name, count in PIXELS.items()}.get(text.lower())
    if named is not None:
        return named
    if isinstance(value, bool) or not (text.isascii() and text.isdigit()) or int(text) < 1:
        names = ", ".join(PIXELS)
        raise BadValue("is not a size of pictures", f"Write {names}, or a number of pixels.")
    return int(text)


def size(value: Any) -> int:
    """Read an amount of data in bytes: `8G`, `500M`, `1.5T`, or a number. Raises `BadValue`."""
    match = _SIZE.fullmatch(str(value).strip().lower())
    if match is None or isinstance(value, bool):
        raise BadValue("is not an amount of data", "Write one like 500M, 8G or 1T.")
    unit: int = 1 << 10 * "bkmgt".index(match[2] or "b")
    return round(float(match[1]) * unit)


def memory(value: Any) -> Any:
    """Read an amount of memory: `auto`, or a size of at least 256 MiB. Raises `BadValue`."""
    if str(value).strip() == "auto":
        return "auto"
    found = size(value)
    if found < LEAST_MEMORY:
        raise BadValue("is too little to start a tool", "Write at least 256M, or auto.")
    return found


def isolation(value: Any) -> Any:
    """Read `off` as the word it is: YAML takes it for false."""
    return "off" if value is False else value


def whole(value: Any) -> Any:
    """Refuse `true` and `false` where a number is wanted: Python takes them for 1 and 0."""
    if isinstance(value, bool):
        raise BadValue("is not a whole number")
    return value


def slots(value: Any) -> Any:
    """Read how many things run at once: `auto` or a number. Raises `BadValue`."""
    text = str(value).strip()
    if text == "auto":
        return text
    if not (text.isascii() and text.isdigit()) or not 1 <= int(text) <= MOST_SLOTS:
        raise BadValue(f"is neither `auto` nor a whole number from 1 to {MOST_SLOTS}")
    return int(text)


def folder(value: Any) -> Path:
    """Read a path; `~` is a home folder. Raises `BadValue`."""
    text = str(value) if isinstance(value, (str, Path)) else ""
    if not text.strip() or "\0" in text:
        raise BadValue("is not a path", "Write a folder or file, like ./media/library.")
    try:
        return Path(text).expanduser()
    except RuntimeError as error:
        raise BadValue("begins with the home of a user who is not known") from error


def tag(value: Any) -> str:
    """Read a tag of workers: it becomes part of a queue's name. Raises `BadValue`."""
    if not isinstance(value, str) or not _TAG.fullmatch(value):
        raise BadValue("is not a tag", "Write small letters, digits and -, like big-disk.")
    if value in QUEUES:
        raise BadValue("is the name of a queue of ours", "Choose another word.")
    if value in FOUND_OUT:
        raise BadValue(
            "is found out by each worker itself",
            "Say in the profile what encodes: `video: {encoder: cpu}`, or nvenc, qsv, vaapi.",
        )
    return value


def tags(value: Any) -> Any:
    """Read some tags: a list, or words with commas between them, as in the environment."""
    if not isinstance(value, str):
        return none_is_empty(value)
    return [word.strip() for word in value.split(",") if word.strip()]


class Listen(Part):
    """Where a server listens: a host name or address, and a port (0 for any free one)."""

    host: str
    port: Annotated[int, Field(ge=0, le=_LAST_PORT)]

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


def listen(value: Any) -> Any:
    """Read an address to listen on: `127.0.0.1:8080` or `[::1]:8080`. Raises `BadValue`."""
    if isinstance(value, Listen):
        return value
    match = _LISTEN.fullmatch(str(value).strip())
    if match is None:
        raise BadValue("is not an address", "Write host and port: 127.0.0.1:8080 or [::1]:8080.")
    host, port = match[1] or match[2], int(match[3])
    if port > _LAST_PORT:
        hint = f"The last port is {_LAST_PORT}; 0 takes any free one."
        raise BadValue(f"has no possible port: {port}", hint)
    if not _is_host(host, is_ipv6=match[1] is not None):
        hint = "Write 127.0.0.1 for this machine alone, 0.0.0.0 for all networks, or a host's name."
        raise BadValue(f"has no possible host: {host}", hint)
    return Listen(host=host, port=port)


def _is_host(host: str, *, is_ipv6: bool) -> bool:
    looks_like_ipv4 = re.fullmatch(r"[\d.]+", host) is not None
    if not is_ipv6 and not looks_like_ipv4:
        return _HOST.fullmatch(host) is not None
    try:
        (ipaddress.IPv6Address if is_ipv6 else ipaddress.IPv4Address)(host)
    except ValueError:
        return False
    return True


_AS_TEXT = PlainSerializer(seconds_text, when_used="json")
_FROM_TEXT: Any = str | float
Duration = Annotated[
    timedelta, BeforeValidator(some_duration, json_schema_input_type=_FROM_TEXT), _AS_TEXT
]
DurationFromZero = Annotated[
    timedelta, BeforeValidator(duration, json_schema_input_type=_FROM_TEXT), _AS_TEXT
]
WholeSeconds = Annotated[
    timedelta, BeforeValidator(whole_seconds, json_schema_input_type=_FROM_TEXT), _AS_TEXT
]
#: Put these after the bounds in an `Annotated[int, …]`, so that JSON schemas show the bounds.
NOT_BOOL = BeforeValidator(whole)
BITRATE = BeforeValidator(bitrate, json_schema_input_type=str | int)
Pixels = Annotated[int, BeforeValidator(pixels, json_schema_input_type=str | int)]
Size = Annotated[int, BeforeValidator(size, json_schema_input_type=str | int)]
Memory = Annotated[int | Literal["auto"], BeforeValidator(memory, json_schema_input_type=str | int)]
#: Whether tools are kept from network and files: where possible, always, or never.
Isolation = Annotated[Literal["auto", "required", "off"], BeforeValidator(isolation)]
Slots = Annotated[
    int | Literal["auto"],
    BeforeValidator(
        slots,
        json_schema_input_type=Annotated[int, Field(ge=1, le=MOST_SLOTS)] | Literal["auto"],
    ),
]
Address = Annotated[
    Listen,
    BeforeValidator(listen, json_schema_input_type=str),
    PlainSerializer(str, when_used="json"),
]
Tag = Annotated[str, BeforeValidator(tag)]
Tags = Annotated[
    tuple[Tag, ...],
    BeforeValidator(tags, json_schema_input_type=str | list[str]),
    Field(max_length=MOST_TAGS),
]
Folder = Annotated[Path, BeforeValidator(folder, json_schema_input_type=str)]
