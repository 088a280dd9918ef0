"""Changed copies of real clips: what a bad disk, a bad copy or a bad person makes of them."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

#: Where indexes and headers are, which steer all the rest: so many bytes at either end.
HEADERS = 8192
#: What numbers in headers are set to, which were never meant to be as much or as little.
EXTREMES = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
WORDS = (
    b"#EXTM3U\nfile:///etc/passwd\n",
    b"ffconcat version 1.0\nfile '/etc/passwd'\n",
    b"http://127.0.0.1/",
    b"moov",
    b"cmov",
    b"dref",
    b"\x1a\x45\xdf\xa3",
)


@dataclass(frozen=True)
class Mutant:
    """A changed copy: of which clip, how, and what came of it."""

    clip: str
    ways: tuple[str, ...]
    data: bytes


def mutant(clips: Sequence[tuple[str, bytes]], random: Random) -> Mutant:
    """Change a clip in one to four ways; the same `random` makes the same."""
    name, data = random.choice(clips)
    ways = random.choices(tuple(_WAYS), k=random.randint(1, 4))
    other = random.choice(clips)[1]
    for way in ways:
        data = _WAYS[way](data or b"\0", random, other)
    return Mutant(name, tuple(ways), data)


def _place(data: bytes, random: Random) -> int:
    """Choose a place: every other time one in the headers."""
    if random.random() < 0.5 or len(data) <= 2 * HEADERS:
        return random.randrange(len(data))
    at = random.randrange(2 * HEADERS)
    return at if at < HEADERS else len(data) - 2 * HEADERS + at


def _flipped(data: bytes, random: Random, _other: bytes) -> bytes:
    made = bytearray(data)
    for _ in range(random.choice((1, 4, 64, 1024))):
        made[_place(data, random)] ^= 1 << random.randrange(8)
    return bytes(made)


def _extreme(data: bytes, random: Random, _other: bytes) -> bytes:
    made = bytearray(data)
    for _ in range(random.randint(1, 8)):
        at, size = _place(data, random), random.choice((1, 2, 4, 8))
        order = "big" if random.random() < 0.5 else "little"
        value = random.choice(EXTREMES) & (1 << 8 * size) - 1
        made[at : at + size] = value.to_bytes(size, order)  # type: ignore[arg-type]
    return bytes(made)


def _overwritten(data: bytes, random: Random, _other: bytes) -> bytes:
    at, size = _place(data, random), random.choice((16, 512, 65_536))
    filling = random.choice((bytes(size), b"\xff" * size, random.randbytes(size)))
    return data[:at] + filling + data[at + size :]


def _cut(data: bytes, random: Random, _other: bytes) -> bytes:
    return data[: _place(data, random)]


def _beheaded(data: bytes, random: Random, _other: bytes) -> bytes:
    return data[random.randrange(min(len(data), HEADERS)) :]


def _missing(data: bytes, random: Random, _other: bytes) -> bytes:
    at = _place(data, random)
    return data[:at] + data[at + random.choice((1, 188, 4096, 65_536)) :]


def _repeated(data: bytes, random: Random, _other: bytes) -> bytes:
    at, size = _place(data, random), random.choice((1, 188, 4096))
    return data[:at] + data[at : at + size] * random.choice((2, 20)) + data[at + size :]


def _spliced(data: bytes, random: Random, other: bytes) -> bytes:
    return data[: _place(data, random)] + other[_place(other, random) :]


def _worded(data: bytes, random: Random, _other: bytes) -> bytes:
    at, words = _place(data, random), random.choice(WORDS)
    return data[:at] + words + data[at + random.choice((0, len(words))) :]


_WAYS: dict[str, Callable[[bytes, Random, bytes], bytes]] = {
    "flipped": _flipped,
    "extreme": _extreme,
    "overwritten": _overwritten,
    "cut": _cut,
    "beheaded": _beheaded,
    "missing": _missing,
    "repeated": _repeated,
    "spliced": _spliced,
    "worded": _worded,
}
