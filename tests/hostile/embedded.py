"""Traps inside of containers: references that a reader might follow."""

from __future__ import annotations

import struct
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from tests.hostile.boxes import box, changed
from tests.hostile.ebml import element, sized, unsigned
from tests.hostile.scripts import hls
from tests.hostile.trap import Bait, Trap
from tests.media import ffmpeg, make_clip

if TYPE_CHECKING:
    from collections.abc import Callable

PICTURE = ("-f", "lavfi", "-i", "testsrc2=s=160x120:r=10:d=1")
TONE = ("-f", "lavfi", "-i", "sine=r=48000:d=1")


def _instead(made: bytes, _old: bytes) -> bytes:
    return made


def reference(kind: bytes) -> Callable[[Path, Bait], Path]:
    """A film whose first track says that its data is in another file."""

    def make(folder: Path, bait: Bait) -> Path:
        path = make_clip(folder / "film.mov", seconds=0.5)
        target = {
            b"url ": f"file://{bait.secret}\0".encode(),
            b"urn ": f"x\0{bait.url}/film.mov\0".encode(),
            b"alis": _alias(bait.secret),
        }[kind]
        entry = box(kind, bytes(4) + target)
        made = partial(_instead, bytes(4) + (1).to_bytes(4, "big") + entry)
        path.write_bytes(changed(path.read_bytes(), "moov/trak/mdia/minf/dinf/dref", made))
        return path

    return make


def _alias(path: Path) -> bytes:
    """An alias record as ffmpeg reads it: names, then the whole path as its own kind of field."""
    name, whole = path.name.encode()[:27], str(path).encode()
    record = bytes(4) + struct.pack(">HH", 0, 2) + bytes(2)
    record += bytes([4]) + b"disk".ljust(27, b"\0") + bytes(12)
    record += bytes([len(name)]) + name.ljust(63, b"\0") + bytes(16)
    record += struct.pack(">HH", 0, 0) + bytes(16)
    for field, value in ((2, whole), (18, whole), (0xFFFF, b"")):
        record += struct.pack(">HH", field, len(value)) + value + bytes(len(value) % 2)
    return record


def linked_segments(folder: Path, bait: Bait) -> Path:
    """A Matroska file that names its next and previous file, with ordered chapters of others."""
    path = folder / "film.mkv"
    ffmpeg(*PICTURE, *TONE, "-c:v", "libx264", "-c:a", "aac", "-live", "1", str(path))
    links = (
        element(0x3E83BB, str(bait.secret).encode()),
        element(0x3C83AB, f"{bait.url}/a.mkv".encode()),
        element(0x3EB923, b"n" * 16),
        element(0x3CB923, b"p" * 16),
    )
    atom = element(
        0xB6,
        unsigned(0x73C4, 1),
        unsigned(0x91, 0),
        unsigned(0x92, 10**9),
        element(0x6E67, b"n" * 16),
    )
    edition = element(0x45B9, unsigned(0x45DD, 1), unsigned(0x45DB, 1), atom)
    data = path.read_bytes()
    # The first is the entry of a table of contents.
    info = data.rindex(bytes.fromhex("1549a966"), 0, data.index(bytes.fromhex("1f43b675")))
    length, said = sized(data[info + 4 :])
    begin = info + 4 + length
    told = element(0x1549A966, data[begin : begin + said], *links)
    chapters = element(0x1043A770, edition)
    path.write_bytes(data[:info] + told + data[begin + said :] + chapters)
    return path


def styled(folder: Path, bait: Bait) -> Path:
    """A film with styled subtitles that ask for fonts and pictures by path and address."""
    words = folder / "words.ass"
    words.write_text(
        "[Script Info]\nScriptType: v4.00+\n\n[V4+ Styles]\nFormat: Name, Fontname, Fontsize\n"
        f"Style: Default,{bait.secret},20\n\n[Events]\n"
        "Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text\n"
        f"Dialogue: 0,0:00:00.00,0:00:01.00,Default,,0,0,0,,{{\\fn{bait.secret}}}hello "
        f"{{\\1img({bait.url}/a.png)}}\n"
    )
    path = folder / "film.mkv"
    attached = ("-attach", str(words), "-metadata:s:t", "mimetype=application/x-truetype-font")
    ffmpeg(*PICTURE, "-i", str(words), *attached, "-c:v", "libx264", "-c:s", "ass", str(path))
    return path


def linked_cover(kind: str) -> Callable[[Path, Bait], Path]:
    """Sound whose cover is given as an address: the kind of picture "-->" (ID3, FLAC)."""

    def make(folder: Path, bait: Bait) -> Path:
        address = f"{bait.url}/cover.jpg".encode()
        if kind == "mp3":
            path = folder / "tune.mp3"
            ffmpeg(*TONE, "-c:a", "libmp3lame", "-id3v2_version", "0", str(path))
            frame = b"\0-->\0\x03\0" + address
            frame = b"APIC" + len(frame).to_bytes(4, "big") + bytes(2) + frame
            size = bytes((len(frame) >> 7 * n) & 0x7F for n in (3, 2, 1, 0))
            path.write_bytes(b"ID3\x03\0\0" + size + frame + path.read_bytes())
            return path
        path = folder / "tune.flac"
        ffmpeg(*TONE, "-c:a", "flac", str(path))
        data = path.read_bytes()
        first = 4 + 4 + int.from_bytes(data[5:8], "big")
        picture = struct.pack(">II3sI", 3, 3, b"-->", 0) + bytes(16)
        picture += len(address).to_bytes(4, "big") + address
        block = bytes([6]) + len(picture).to_bytes(3, "big") + picture
        path.write_bytes(data[:first] + block + data[first:])
        return path

    return make


def subtitles_in_avi(folder: Path, bait: Bait) -> Path:
    """An AVI with a track of text in which lies a playlist (`GAB2`), to be opened in its turn."""
    path = folder / "film.avi"
    ffmpeg(*PICTURE, "-c:v", "mjpeg", str(path))
    data = path.read_bytes()
    script = hls(bait).encode()
    text = b"GAB2\0" + struct.pack("<HI", 2, 0) + struct.pack("<HI", 4, len(script)) + script
    header = b"txts" + bytes(44)
    track = riff(b"LIST", b"strl" + riff(b"strh", header) + riff(b"strf", b""))
    made = b""
    for name, inner in chunks(data[12:]):
        if name == b"LIST" and inner.startswith(b"hdrl"):
            avih = inner.find(b"avih") + 8
            two = inner[: avih + 24] + (2).to_bytes(4, "little") + inner[avih + 28 :]
            made += riff(b"LIST", two + track)
        elif name == b"LIST" and inner.startswith(b"movi"):
            made += riff(b"LIST", b"movi" + riff(b"01tx", text) + inner[4:])
        elif name != b"idx1":
            made += riff(name, inner)
    path.write_bytes(riff(b"RIFF", b"AVI " + made))
    return path


def riff(name: bytes, data: bytes) -> bytes:
    return name + len(data).to_bytes(4, "little") + data + bytes(len(data) % 2)


def chunks(data: bytes) -> list[tuple[bytes, bytes]]:
    found, at = [], 0
    while at + 8 <= len(data):
        size = int.from_bytes(data[at + 4 : at + 8], "little")
        found.append((data[at : at + 4], data[at + 8 : at + 8 + size]))
        at += 8 + size + size % 2
    return found


def picture_of_a_sequence(folder: Path, bait: Bait) -> Path:
    """A still image whose name is a pattern that other files fit."""
    for name in ("frame%d.mp4", "frame1.mp4", "frame2.mp4"):
        ffmpeg(*PICTURE, "-frames:v", "1", "-c:v", "mjpeg", "-f", "mjpeg", str(folder / "one"))
        (folder / "one").rename(folder / name)
    return folder / "frame%d.mp4"


def film_of_that_name(folder: Path, bait: Bait) -> Path:
    """A film, and a name that has everything in it a tool could take for something else."""
    odd = folder / f"-i {bait.port}%d:http_$(cat {bait.secret.name})`x`'\"|;[0:v]\\\n.mp4"
    return make_clip(folder / "a.mp4", seconds=0.5).rename(odd)


def words_that_are_markup(folder: Path, bait: Bait) -> Path:
    """Subtitles, a title and chapters that begin like playlists and name files."""
    words, told = folder / "words.srt", folder / "told.txt"
    words.write_text(f"1\n00:00:00,000 --> 00:00:01,000\n#EXTM3U\nfile://{bait.secret}\n")
    told.write_text(
        f";FFMETADATA1\ntitle=file '{bait.secret}'\n"
        f"[CHAPTER]\nTIMEBASE=1/1000\nSTART=0\nEND=500\ntitle=#EXTM3U {bait.url}\n"
    )
    path = folder / "film.mkv"
    inputs = (*PICTURE, "-i", str(words), "-f", "ffmetadata", "-i", str(told))
    ffmpeg(*inputs, "-map_metadata", "2", "-c:v", "libx264", "-c:s", "srt", str(path))
    return path


TRAPS = (
    Trap("MOV whose data is at an address of a file", reference(b"url ")),
    Trap("MOV whose data is at a name", reference(b"urn ")),
    Trap("MOV whose data is behind an alias", reference(b"alis")),
    Trap("MKV that is a part of others", linked_segments, None),
    Trap("MKV with styled subtitles and fonts", styled, None),
    Trap("MP3 with a cover at an address", linked_cover("mp3"), None),
    Trap("FLAC with a cover at an address", linked_cover("flac"), None),
    Trap("AVI with a playlist for subtitles", subtitles_in_avi, None),
    Trap("a picture of a sequence", picture_of_a_sequence, "still_image"),
    Trap("a film with a name of traps", film_of_that_name, None),
    Trap("words that are markup", words_that_are_markup, None),
)
