"""What a file is by its first bytes, where that gives a better reason to refuse it."""

from __future__ import annotations

import errno
import os
import re
import stat
from typing import TYPE_CHECKING, BinaryIO, Literal

if TYPE_CHECKING:
    from pathlib import Path

#: As much as is looked at, bytes.
HEAD = 4096
#: What an MP4 or MOV may begin with (ISO/IEC 14496-12, QuickTime file format).
FIRST_BOXES = (b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"styp", b"pnot")
#: How still images begin: PNG, JPEG, BMP, TIFF, JPEG XL, JPEG 2000.
STILLS = (
    *(b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"BM", b"II*\x00", b"MM\x00*"),
    *(b"\xff\x0a", b"\x00\x00\x00\x0cJXL ", b"\x00\x00\x00\x0cjP  "),
)
#: Brands of the ISO base media format that hold pictures (AVIF, HEIF), not films.
STILL_BRANDS = frozenset({"avif", "mif1", "heic", "heix", "heim", "heis"})
#: How playlists and scripts begin that name other files, and what they are: their text, lower case,
#: behind a byte order mark and white space.
SCRIPTS = {
    b"#extm3u": "playlist (M3U, HLS)",
    b"#ext-x-": "playlist (HLS)",
    b"#extinf": "playlist (M3U)",
    b"[playlist]": "playlist (PLS)",
    b"[reference]": "playlist (ASX)",
    b"ffconcat version": "script (ffconcat)",
    b"v=0\n": "session description (SDP)",
    b"v=0\r": "session description (SDP)",
    b";ffmetadata": "script (ffmetadata)",
    b"[script info]": "script of subtitles",
    b"# vobsub index": "index of subtitles (VobSub)",
    b"rtsp://": "address (RTSP)",
    b"http://": "address of a page",
    b"https://": "address of a page",
}
#: What XML that names other files has for elements, and what that is then. Whatever begins like
#: XML is never a film.
ELEMENTS = {
    b"<mpd": "manifest (DASH)",
    b"<smoothstreamingmedia": "manifest (Smooth Streaming)",
    b"<svg": "drawing (SVG)",
    b"<smil": "playlist (SMIL)",
    b"<asx": "playlist (ASX)",
    b"<playlist": "playlist (XSPF)",
    b"<compositionplaylist": "playlist (IMF)",
    b"<assetmap": "list of files (IMF)",
}
#: Lines of scripts that may come after others: ffconcat's and cue sheets'.
LINES = {
    rb"(?m)^file\s+['\"]?\S": "script (ffconcat, cue sheet)",
}

#: How ASF (WMV, WMA) begins.
ASF = b"0&\xb2u\x8ef\xcf\x11"
#: How other containers of films begin: Matroska, RIFF (AVI, WAV), FLV, Ogg, ASF, MPEG program
#: and transport streams, MXF, AIFF, FLAC, GIF.
CONTAINERS = (
    *(b"\x1aE\xdf\xa3", b"RIFF", b"FLV", b"OggS", ASF, b"\x00\x00\x01\xba"),
    *(b"G@", b"\x06\x0e+4", b"FORM", b"fLaC", b"GIF8"),
)
#: What marks an encrypted track of the ISO base media format (ISO/IEC 23001-7).
ENCRYPTED = (b"encv", b"enca")
#: Kinds of references to where the data is (ISO/IEC 14496-12, QuickTime), the shortest, bytes, and
#: the mark of those that mean the file itself; a film has a few at most.
REFERENCES = (b"url ", b"urn ", b"alis", b"rsrc")
LEAST_REFERENCE = 12
SELF_CONTAINED = 1
MOST_REFERENCES = 64
#: More places than a film has tracks are not looked at, nor more boxes than a film has before its
#: index: whoever has more wants us to look forever.
MOST_PLACES = 4096
MOST_BOXES = 100_000
#: What an MP3 that counts its frames has in its first one, behind an ID3 tag of so many bytes, and
#: how far behind that the number is.
COUNTED = {b"Xing": 8, b"Info": 8, b"VBRI": 14}
ID3, ID3_HEAD = b"ID3", 10
#: The longest index of an MP4 that is searched for such marks, bytes.
LONGEST_INDEX = 64 << 20

#: How closed captions are marked in a picture's data (ATSC A/53 part 4: `GA94`, then type 3), and
#: how much of a file is searched for them, bytes: they come with every picture, from the first.
CAPTIONS = b"GA94\x03"
CAPTIONS_WITHIN = 8 << 20

Kind = Literal["mp4", "still", "script", "container", "other"]


def opened(path: Path) -> BinaryIO:
    """Open a source to look into it, and never wait for a pipe that took its name meanwhile.

    Raises `OSError`, with EINVAL for what is no regular file.
    """
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise OSError(errno.EINVAL, "it is not a regular file", str(path))
    return os.fdopen(handle, "rb")


def kind(path: Path) -> Kind:
    """Say what kind of file this looks like. Raises `OSError` when it can't be read."""
    with opened(path) as file:
        head = file.read(HEAD)
    if head[4:8] in FIRST_BOXES:
        return "mp4"
    if head.startswith(STILLS) or (head.startswith(b"RIFF") and head[8:12] == b"WEBP"):
        return "still"
    if _script(head) is not None:
        return "script"
    return "container" if head.startswith(CONTAINERS) else "other"


def script(path: Path) -> str | None:
    """Say which playlist or script a file is that names others; None for others. Raises `OSError`.

    By its content alone: its name may be that of a film.
    """
    with opened(path) as file:
        return _script(file.read(HEAD))


def _script(head: bytes) -> str | None:
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    found = next((what for begin, what in SCRIPTS.items() if text.startswith(begin)), None)
    if found is not None or b"\0" in text:
        return found
    if text.startswith(b"<"):
        return next((what for element, what in ELEMENTS.items() if element in text), None)
    return next((what for line, what in LINES.items() if re.search(line, text)), None)


def refers(path: Path) -> bool:
    """Whether an MP4 or MOV says that its data is in other files (`dref`). Raises `OSError`."""
    index = _index(path)
    place = -4
    for _ in range(MOST_PLACES):
        place = index.find(b"dref", place + 4)
        if place < 0:
            break
        count = int.from_bytes(index[place + 8 : place + 12], "big")
        at = place + 12
        for _ in range(min(count, MOST_REFERENCES)):
            size, kind = int.from_bytes(index[at : at + 4], "big"), index[at + 4 : at + 8]
            if kind not in REFERENCES or size < LEAST_REFERENCE:
                break  # these four letters stand for something else here
            if not index[at + 11] & SELF_CONTAINED:
                return True
            at += size
    return False


def seven_bits(size: bytes) -> int:
    """Read the size of an ID3 tag: four bytes, of seven bits each (ID3v2.4, 6.2)."""
    return sum(byte << 7 * (3 - number) for number, byte in enumerate(size))


def counted_frames(path: Path) -> int:
    """Give how many frames an MP3 says it has; 0 where it doesn't say. Raises `OSError`."""
    with opened(path) as file:
        head = file.read(ID3_HEAD)
        if head.startswith(ID3):
            file.seek(seven_bits(head[6:]), 1)
        else:
            file.seek(0)
        first = file.read(HEAD)
    for mark, place in COUNTED.items():
        at = first.find(mark)
        # Xing's and Info's flags say whether the number is there.
        if at >= 0 and (mark == b"VBRI" or int.from_bytes(first[at + 4 : at + 8], "big") & 1):
            return int.from_bytes(first[at + place : at + place + 4], "big")
    return 0


def encrypted(path: Path) -> bool:
    """Whether an MP4 says that one of its tracks is encrypted. Raises `OSError`."""
    index = _index(path)
    return any(mark in index for mark in ENCRYPTED) and b"schm" in index


def _index(path: Path) -> bytes:
    """Read the index (`moov`) of an MP4 or MOV, wherever it lies; nothing where there is none."""
    with opened(path) as file:
        for _ in range(MOST_BOXES):
            head = file.read(8)
            if len(head) < 8:  # noqa: PLR2004 - size and name of a box
                break
            size, name = int.from_bytes(head[:4], "big"), head[4:]
            begun = 8
            if size == 1:
                size, begun = int.from_bytes(file.read(8), "big"), 16
            if name == b"moov":
                # A size of nothing: up to the end of the file.
                return file.read(min(size - begun, LONGEST_INDEX) if size else LONGEST_INDEX)
            if size < begun:
                break  # the last box, or none
            file.seek(size - begun, 1)
    return b""


def has_captions(path: Path) -> bool:
    """Say whether closed captions seem to lie in the picture. Raises `OSError`."""
    with opened(path) as file:
        return CAPTIONS in file.read(CAPTIONS_WITHIN)
