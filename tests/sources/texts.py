"""Subtitles as text, as pictures and as captions; chapters."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING

from tests.media import ffmpeg
from tests.sources.bitstream import captioned, scc, sup
from tests.sources.containers import MPEG2
from tests.sources.picture import X264, Clip, copied, encode
from tests.sources.row import Expect, Patches, Row

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

CLIP = Clip()
PHRASES = {"eng": "Good morning & Vietnam", "fra": "Où est la bibliothèque"}
SRT = "1\n00:00:00,500 --> 00:00:01,500\n{text}\n\n2\n00:00:01,800 --> 00:00:02,800\n<i>later</i>\n"
ASS = """[Script Info]
ScriptType: v4.00+

[V4+ Styles]
Format: Name, Fontname, Fontsize
Style: Default,Arial,20

[Events]
Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text
Dialogue: 0,0:00:00.50,0:00:01.50,Default,,0,0,0,,{{\\b1}}{text}{{\\b0}}
"""
CHAPTERS = ";FFMETADATA1\n" + "".join(
    f"[CHAPTER]\nTIMEBASE=1/1000\nSTART={start}\nEND={end}\ntitle={title}\n"
    for start, end, title in ((0, 1000, "Opening"), (1000, 2200, "Middle"), (2200, 3000, "End"))
)


def subtitled(name: str, codec: str, *languages: str, form: str = "srt") -> Callable[[Path], Path]:
    """A clip with a track of subtitles for each language; none named means one without."""

    def make(folder: Path) -> Path:
        path = folder / name
        told = languages or ("",)
        inputs: list[str] = []
        maps = ["-map", "0"]
        for number, language in enumerate(told):
            text = PHRASES.get(language, PHRASES["eng"])
            written = folder / f"{number}.{form}"
            written.write_text((SRT if form == "srt" else ASS).format(text=text), "utf-8")
            inputs += ["-i", str(written)]
            maps += ["-map", f"{number + 1}:s"]
            if language:
                maps += [f"-metadata:s:s:{number}", f"language={language}"]
        first = encode(folder / "first.mp4")
        copied = ["-c:v", "copy", "-c:a", "copy", "-c:s", codec]
        if name.endswith("webm"):
            copied = [
                "-c:v",
                "libvpx",
                "-b:v",
                "1M",
                "-deadline",
                "realtime",
                "-c:a",
                "libopus",
                "-c:s",
                codec,
            ]
        ffmpeg("-i", str(first), *inputs, *maps, *copied, str(path))
        return path

    return make


def late(folder: Path) -> Path:
    """A film with subtitles whose first timestamp is five seconds."""
    first = subtitled("told.mkv", "srt", "eng")(folder)
    return copied(folder / "a.mkv", first, after=("-output_ts_offset", "5"))


def drawn(
    name: str, codec: str, *, video: tuple[str, ...] = X264, audio: str = "aac", said: bool = False
) -> Callable[[Path], Path]:
    """Subtitles as pictures in two languages, as discs and broadcasts have them.

    With `said` also such as are words.
    """

    def make(folder: Path) -> Path:
        first = encode(folder / "first.mkv", video=video, audio=("-c:a", audio))
        shown, words, path = folder / "a.sup", folder / "a.srt", folder / name
        shown.write_bytes(sup())
        words.write_text(SRT.format(text=PHRASES["eng"]), "utf-8")
        read = ["-i", str(first), "-i", str(shown), "-i", str(shown)]
        kept = ["-map", "0", "-map", "1", "-map", "2", "-c", "copy", "-c:s", codec]
        named = ["-metadata:s:s:0", "language=eng", "-metadata:s:s:1", "language=fra"]
        if said:
            read += ["-i", str(words)]
            kept += ["-map", "3", "-c:s:2", "srt"]
            named += ["-metadata:s:s:2", "language=eng"]
        ffmpeg(*read, *kept, *named, str(path))
        return path

    return make


def captions_track(folder: Path) -> Path:
    """Captions as a track of their own (`c608`), as QuickTime files have them."""
    text, first, path = folder / "a.scc", encode(folder / "first.mp4"), folder / "a.mov"
    text.write_text(scc("HELLO CAPTION"))
    ffmpeg(*("-i", str(first), "-i", str(text), "-map", "0", "-map", "1"), "-c", "copy", str(path))
    return path


def captions_inside(name: str) -> Callable[[Path], Path]:
    """Captions inside the pictures (ATSC A/53), as broadcasts have them."""

    def make(folder: Path) -> Path:
        raw, told, path = folder / "raw.h264", folder / "told.h264", folder / name
        encode(raw, video=(*X264, "-bf", "0"), audio=None)
        told.write_bytes(captioned(raw.read_bytes(), {10: "HELLO CAPTION"}))
        sound = ("-f", "lavfi", "-i", CLIP.sound())
        ffmpeg(
            "-r",
            "25",
            "-i",
            str(told),
            *sound,
            "-map",
            "0",
            "-map",
            "1",
            "-c:v",
            "copy",
            "-c:a",
            "aac",
            str(path),
        )
        return path

    return make


def chaptered(name: str) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        first, list_, path = encode(folder / "first.mp4"), folder / "chapters.txt", folder / name
        list_.write_text(CHAPTERS)
        ffmpeg(
            "-i",
            str(first),
            "-i",
            str(list_),
            "-map",
            "0",
            "-map_chapters",
            "1",
            "-c",
            "copy",
            str(path),
        )
        return path

    return make


def _row(
    name: str,
    make: Callable[[Path], Path],
    words: dict[str, str] | None = None,
    *,
    said_s: float | None = None,
    none: bool = False,
    chapters: int | None = None,
    told: str | None = None,
) -> Row:
    expect = Expect(
        frames=75,
        seconds=3,
        patches=Patches(),
        sync=True,
        words=words or {},
        said_s=said_s,
        no_subtitles=none,
        chapters=chapters,
        told=told,
    )
    return Row(name, make, expect)


ENGLISH = {"en": html.escape(PHRASES["eng"])}
BOTH = {**ENGLISH, "fr": PHRASES["fra"]}
UNTOLD = {"": ENGLISH["en"]}
SPOKEN = {"": "HELLO CAPTION"}
ROWS = (
    _row("subtitles, SubRip in MKV", subtitled("a.mkv", "srt", "eng"), ENGLISH, said_s=0.5),
    _row(
        "subtitles, SubRip in two languages",
        subtitled("a.mkv", "srt", "eng", "fra"),
        BOTH,
        said_s=0.5,
    ),
    _row("subtitles, SubRip without a language", subtitled("a.mkv", "srt"), UNTOLD, said_s=0.5),
    _row(
        "subtitles, ASS in MKV", subtitled("a.mkv", "ass", "eng", form="ass"), ENGLISH, said_s=0.5
    ),
    _row(
        "subtitles, mov_text in MP4", subtitled("a.mp4", "mov_text", "eng", "fra"), BOTH, said_s=0.5
    ),
    _row("subtitles, WebVTT in WebM", subtitled("a.webm", "webvtt", "eng"), ENGLISH, said_s=0.5),
    _row("subtitles in a file whose clock begins late", late, ENGLISH, said_s=0.5),
    _row(
        "subtitles that nothing reads, TTML",
        subtitled("a.mp4", "ttml", "eng"),
        none=True,
        told="subtitle",
    ),
    *(
        _row(f"subtitles as pictures, {what}", make, none=True, told="made of pictures")
        for what, make in (
            ("PGS in MKV", drawn("a.mkv", "copy")),
            ("PGS in M2TS", drawn("a.m2ts", "copy", audio="ac3")),
            ("VobSub in MKV", drawn("a.mkv", "dvdsub")),
            ("DVD", drawn("a.vob", "dvdsub", video=MPEG2, audio="ac3")),
            ("DVB", drawn("a.ts", "dvbsub")),
        )
    ),
    _row(
        "subtitles as pictures beside words",
        drawn("a.mkv", "copy", said=True),
        ENGLISH,
        said_s=0.5,
        told="in fra made of pictures",
    ),
    _row("captions in a track of their own", captions_track, SPOKEN),
    _row("captions inside the pictures, MP4", captions_inside("a.mp4"), SPOKEN),
    _row("captions inside the pictures, MPEG-TS", captions_inside("a.ts"), SPOKEN),
    _row("no subtitles", lambda folder: encode(folder / "a.mp4"), none=True, chapters=0),
    _row("chapters, MP4", chaptered("a.mp4"), chapters=3),
    _row("chapters, MKV", chaptered("a.mkv"), chapters=3),
)
