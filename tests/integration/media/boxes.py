"""What an initialization segment says of its codec, read without any of the tools under test."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Bytes before the boxes inside: of a list of sample entries, of a picture's and a sound's entry.
LIST, PICTURE, SOUND = 8, 78, 28
PLAIN = ("moov", "trak", "mdia", "minf", "stbl", "sinf")


def _boxes(data: bytes) -> Iterator[tuple[str, bytes]]:
    at = 0
    while at + 8 <= len(data):
        size = int.from_bytes(data[at : at + 4])
        yield data[at + 4 : at + 8].decode("latin1"), data[at + 8 : at + size]
        at += size


def _find(data: bytes, name: str) -> bytes:
    for kind, inside in _boxes(data):
        if kind == name:
            return inside
        if kind in PLAIN:
            found = _find(inside, name)
            if found:
                return found
    return b""


def codec_string(init: bytes) -> str:
    """Give the codec of the first track as RFC 6381 and the codecs' own rules write it."""
    ((kind, entry),) = _boxes(_find(init, "stsd")[LIST:])
    inside = entry[SOUND if kind in ("mp4a", "Opus", "enca") else PICTURE :]
    if kind in ("encv", "enca"):
        kind = _find(inside, "frma").decode()
    match kind:
        case "avc1":
            return f"avc1.{_find(inside, 'avcC')[1:4].hex()}"
        case "hvc1":
            return _hevc(_find(inside, "hvcC"))
        case "av01":
            return _av1(_find(inside, "av1C"))
        case "vp09":
            return _vp9(_find(inside, "vpcC"))
        case "mp4a":
            return _aac(_find(inside, "esds"))
    return kind.lower()


def _hevc(box: bytes) -> str:
    compatible = int(f"{int.from_bytes(box[2:6]):032b}"[::-1], 2)
    tier = "H" if box[1] & 0x20 else "L"
    constraints = "".join(f".{one:X}" for one in box[6:12].rstrip(b"\0"))
    return f"hvc1.{box[1] & 31}.{compatible:X}.{tier}{box[12]}{constraints}"


def _av1(box: bytes) -> str:
    tier = "H" if box[2] & 0x80 else "M"
    bits = 10 if box[2] & 0x40 else 8
    return f"av01.{box[1] >> 5}.{box[1] & 31:02d}{tier}.{bits:02d}"


def _vp9(box: bytes) -> str:
    profile, level, depth, *colour = box[4:10]
    numbers = [profile, level, depth >> 4, (depth >> 1) & 7, *colour[:3], depth & 1]
    return "vp09." + ".".join(f"{one:02d}" for one in numbers)


def _aac(box: bytes) -> str:
    """Read the object type, then the audio object type of the decoder's own data."""
    config = box[box.index(b"\x04", 7) :]
    body = config[1:].lstrip(b"\x80")[1:]
    own = body[13:]
    return f"mp4a.{body[0]:x}.{own[1:].lstrip(bytes([0x80]))[1] >> 3}"
