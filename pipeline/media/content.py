"""What a file is by its first bytes, where that gives a better reason to refuse it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

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
#: How playlists and scripts begin that name other files: HLS, ffconcat, SDP, Smooth Streaming.
SCRIPTS = (b"#EXTM3U", b"ffconcat version", b"v=0\r\n", b"v=0\n", b"<SmoothStreamingMedia")

#: How closed captions are marked in a picture's data (ATSC A/53 part 4: `GA94`, then type 3), and
#: how much of a file is searched for them, bytes: they come with every picture, from the first.
CAPTIONS = b"GA94\x03"
CAPTIONS_WITHIN = 8 << 20

Kind = Literal["mp4", "still", "script", "other"]


def kind(path: Path) -> Kind:
    """Say what kind of file this looks like. Raises `OSError` when it can't be read."""
    with path.open("rb") as file:
        head = file.read(HEAD)
    if head[4:8] in FIRST_BOXES:
        return "mp4"
    if head.startswith(STILLS) or (head.startswith(b"RIFF") and head[8:12] == b"WEBP"):
        return "still"
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if text.startswith(SCRIPTS) or (text.startswith(b"<") and b"<MPD" in head):
        return "script"
    return "other"


def has_captions(path: Path) -> bool:
    """Say whether closed captions seem to lie in the picture. Raises `OSError`."""
    with path.open("rb") as file:
        return CAPTIONS in file.read(CAPTIONS_WITHIN)
