"""What names other files is known by its content, whatever it is called."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pytest

from pipeline.media import content, webp
from pipeline.media.content import refers, script
from tests.hostile.boxes import box, changed
from tests.hostile.embedded import riff
from tests.media import make_clip

if TYPE_CHECKING:
    from pathlib import Path

SCRIPTS = {
    "#EXTM3U\n": "M3U",
    "\ufeff \n#extm3u\r\n": "M3U",
    "#EXT-X-TARGETDURATION:1\n": "HLS",
    "ffconcat version 1.0\nfile a\n": "ffconcat",
    "# mine\nfile '/etc/passwd'\n": "ffconcat",
    'REM DATE 1999\nFILE "/etc/passwd" WAVE\n': "cue sheet",
    "v=0\no=- 0 0 IN IP4 127.0.0.1\n": "SDP",
    '<?xml version="1.0"?>\n<!-- x --><MPD xmlns="urn:mpeg:dash:schema:mpd:2011"/>': "DASH",
    '<SmoothStreamingMedia MajorVersion="2"/>': "Smooth Streaming",
    '<!DOCTYPE svg><svg xmlns="http://www.w3.org/2000/svg"/>': "SVG",
    "<smil><body/></smil>": "SMIL",
    '<ASX version="3.0"/>': "ASX",
    '<playlist xmlns="http://xspf.org/ns/0/"/>': "XSPF",
    '<cpl:CompositionPlaylist xmlns:cpl="x"/><CompositionPlaylist>': "IMF",
    "[playlist]\nFile1=/etc/passwd\n": "PLS",
    "[Reference]\nRef1=http://127.0.0.1/\n": "ASX",
    "[Script Info]\nTitle: x\n": "subtitles",
    "# VobSub index file, v7\n": "VobSub",
    ";FFMETADATA1\n": "ffmetadata",
    "rtsp://127.0.0.1/a\n": "RTSP",
}


@pytest.mark.parametrize(("text", "kind"), SCRIPTS.items(), ids=SCRIPTS.values())
def test_a_script_is_named(tmp_path: Path, text: str, kind: str) -> None:
    path = tmp_path / "film.mp4"
    path.write_text(text, encoding="utf-8")
    assert kind in (script(path) or "")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"v=0 is a line of my diary",
        b"Dear diary,\nI filed nothing.",
        b"\x00\x00\x00\x18ftypmp42\nfile /etc/passwd",
        b"<html><body>404</body></html>",
    ],
)
def test_what_is_none_is_left_to_the_tools(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "film.mp4").write_bytes(data)
    assert script(tmp_path / "film.mp4") is None


def _instead(made: bytes, _old: bytes) -> bytes:
    return made


DREF = "moov/trak/mdia/minf/dinf/dref"


def referring(kind: bytes, flags: int = 0, target: bytes = b"file:///etc/passwd\0") -> bytes:
    return bytes(4) + (1).to_bytes(4, "big") + box(kind, flags.to_bytes(4, "big") + target)


def test_a_film_whose_data_lies_elsewhere_is_told_from_one_that_is_whole(tmp_path: Path) -> None:
    film = make_clip(tmp_path / "film.mp4", seconds=0.2)
    assert not refers(film)
    whole = film.read_bytes()
    for made, expected in (
        (referring(b"url "), True),
        (referring(b"alis"), True),
        (referring(b"urn "), True),
        (referring(b"alis", flags=1), False),
        (referring(b"url ", flags=1, target=b""), False),
        (b"\xff" * 40, False),
        (b"", False),
    ):
        film.write_bytes(changed(whole, DREF, partial(_instead, made)))
        assert refers(film) is expected


def test_an_index_behind_boxes_without_end_is_not_looked_for_forever(tmp_path: Path) -> None:
    path = tmp_path / "film.mp4"
    told = box(b"moov", b"dref" + referring(b"url "))
    path.write_bytes(box(b"free", b"") * (content.MOST_BOXES - 1) + told)
    assert refers(path)
    path.write_bytes(box(b"free", b"") * content.MOST_BOXES + told)
    assert not refers(path)
    path.write_bytes(box(b"moov", b"dref" * content.MOST_PLACES + b"dref" + referring(b"url ")))
    assert not refers(path)


def test_an_animation_of_chunks_without_end_is_not_counted_forever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webp, "MOST_CHUNKS", 10)
    path = tmp_path / "film.webp"
    frame = riff(b"ANMF", bytes(16))
    head = riff(b"VP8X", bytes((webp.ANIMATED, 0, 0, 0)) + bytes(6))
    path.write_bytes(riff(b"RIFF", b"WEBP" + head + frame * 100))
    found = webp.animation(path)
    assert found is not None
    assert len(found.delays) == 9
