"""Traps of text: playlists and scripts, under every name that films have."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.hostile.trap import Bait, Trap

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

#: Names that a watched folder takes.
NAMES = ("film.mp4", "film.mov", "film.ts")


def hls(bait: Bait) -> str:
    return (
        "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:5\n"
        f'#EXT-X-KEY:METHOD=AES-128,URI="{bait.url}/key"\n'
        f'#EXT-X-MAP:URI="file://{bait.secret}"\n'
        f"#EXTINF:1,\nfile://{bait.secret}\n#EXTINF:1,\n{bait.url}/a.ts\n"
        f"#EXTINF:1,\nconcat:{bait.url}/header|file://{bait.secret}\n#EXT-X-ENDLIST\n"
    )


def ffconcat(bait: Bait) -> str:
    return f"ffconcat version 1.0\nfile 'file:{bait.secret}'\nfile '{bait.url}/a.mp4'\n"


def concat(bait: Bait) -> str:
    return f"# my holiday\nfile '{bait.secret}'\nfile '{bait.url}/a.mp4'\n"


def mpd(bait: Bait) -> str:
    return (
        '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" '
        'mediaPresentationDuration="PT10S"><Period><AdaptationSet mimeType="video/mp4">'
        f'<Representation id="1" bandwidth="1"><BaseURL>{bait.url}/a.mp4</BaseURL>'
        f"</Representation><Representation id='2' bandwidth='2'><BaseURL>file://{bait.secret}"
        "</BaseURL></Representation></AdaptationSet></Period></MPD>"
    )


def sdp(bait: Bait) -> str:
    return (
        "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\n"
        f"m=video {bait.port} RTP/AVP 96\na=rtpmap:96 H264/90000\n"
    )


def svg(bait: Bait) -> str:
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink">'
        f'<image xlink:href="{bait.url}/a.png"/><image xlink:href="file://{bait.secret}"/></svg>'
    )


def entities(bait: Bait) -> str:
    return (
        f'<?xml version="1.0"?><!DOCTYPE svg [<!ENTITY x SYSTEM "file://{bait.secret}">'
        f'<!ENTITY y SYSTEM "{bait.url}/x">]><svg><text>&x;&y;</text></svg>'
    )


def pls(bait: Bait) -> str:
    return f"[playlist]\nFile1={bait.url}/a.mp3\nFile2=file://{bait.secret}\nNumberOfEntries=2\n"


def cue(bait: Bait) -> str:
    return f'FILE "{bait.secret}" WAVE\n  TRACK 01 AUDIO\n    INDEX 01 00:00:00\n'


def xspf(bait: Bait) -> str:
    return (
        '<playlist version="1" xmlns="http://xspf.org/ns/0/"><trackList><track>'
        f"<location>{bait.url}/a.mp3</location></track></trackList></playlist>"
    )


def smooth(bait: Bait) -> str:
    return f'<SmoothStreamingMedia MajorVersion="2"><StreamIndex Url="{bait.url}/{{bitrate}}"/>'


def address(bait: Bait) -> str:
    return f"rtsp://127.0.0.1:{bait.port}/live\n"


def imf(bait: Bait) -> str:
    return (
        '<?xml version="1.0"?><CompositionPlaylist xmlns="http://www.smpte-ra.org/schemas/2067-3">'
        f"<Id>{bait.url}</Id></CompositionPlaylist>"
    )


def vobsub(bait: Bait) -> str:
    return f"# VobSub index file, v7 (do not modify this line!)\nsize: 720x576\n# {bait.secret}\n"


def subtitles(bait: Bait) -> str:
    return (
        "[Script Info]\nScriptType: v4.00+\n\n[Fonts]\nfontname: a.ttf\n\n[Events]\n"
        f"Dialogue: 0,0:00:00.00,0:00:02.00,Default,,0,0,0,,{{\\fn{bait.secret}}}hello\n"
    )


def _named(name: str, write: Callable[[Bait], str]) -> Callable[[Path, Bait], Path]:
    def make(folder: Path, bait: Bait) -> Path:
        (folder / name).write_text(write(bait), encoding="utf-8")
        return folder / name

    return make


def behind_a_film(folder: Path, bait: Bait) -> Path:
    """A playlist that is also a transport stream, to those who look for one far enough."""
    packet = b"G\x1f\xff\x10" + b"\xff" * 184
    (folder / "film.ts").write_bytes(hls(bait).encode() + b"#" + packet * 200)
    return folder / "film.ts"


#: Scripts that are known under each name, and others that are known all the same.
TRAPS = (
    *(
        Trap(f"{kind} named {name}", _named(name, write))
        for kind, write in (("HLS", hls), ("ffconcat", ffconcat), ("DASH", mpd), ("SDP", sdp))
        for name in NAMES
    ),
    *(
        Trap(f"{kind} named film.mp4", _named("film.mp4", write))
        for kind, write in (
            ("concat without its first line", concat),
            ("SVG", svg),
            ("SVG with entities", entities),
            ("PLS", pls),
            ("cue sheet", cue),
            ("XSPF", xspf),
            ("Smooth Streaming", smooth),
            ("address", address),
            ("IMF", imf),
            ("VobSub", vobsub),
            ("ASS", subtitles),
        )
    ),
    Trap("HLS named by its own name", _named("film.m3u8", hls)),
    Trap("HLS and transport stream in one", behind_a_film),
)
