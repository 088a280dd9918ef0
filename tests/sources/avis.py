"""AVIs with B-frames: as other tools than ffmpeg write them, their chunks follow each other.

Players show the first frame at the beginning, whatever order they are decoded in.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from pipeline.settings.profiles import TrimSettings
from tests.media import ffmpeg
from tests.sources.containers import film
from tests.sources.picture import AAC, X264, Clip, copied, encode
from tests.sources.row import Expect, Patches, Row, small

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

CLIP, SLOW = Clip(), Clip(rate="10")
MPEG4 = ("-c:v", "mpeg4", "-q:v", "2", "-bf", "2", "-g", "25")
XVID = (*MPEG4, "-vtag", "XVID")
#: Pictures that are alike are so small that a decoder takes them for none.
NOISE = ("-vf", "noise=alls=12:allf=t")
XVID_P = (*XVID, "-bf", "0")
H264 = (*X264, "-preset", "veryfast", "-bf", "3", "-x264-params", "b-adapt=0")
PCM, AC3, MP3 = ("-c:a", "pcm_s16le"), ("-c:a", "ac3"), ("-c:a", "libmp3lame")
DTS = ("-c:a", "dca", "-strict", "-2", "-ac", "2")
HERTZ, SAMPLE_BYTES = 48_000, 2
#: What begins a picture of MPEG-4 part 2, and words of its encoder; which kinds of pictures it has.
VOP, WORDS = b"\x00\x00\x01\xb6", b"\x00\x00\x01\xb2"
B_PICTURE = 2
#: Xvid says so that two pictures may lie in a chunk; later, one that is none fills the other's.
PACKED = WORDS + b"XviD0046" + WORDS + b"DivX503b1393p"
NO_PICTURE = VOP + b"\x50\x4f"


def _chunk(name: bytes, data: bytes) -> bytes:
    return name + struct.pack("<I", len(data)) + data + bytes(len(data) % 2)


def _list(name: bytes, *parts: bytes) -> bytes:
    return _chunk(b"LIST", name + b"".join(parts))


def avi(fourcc: bytes, rate: int, size: tuple[int, int], frames: list[bytes], pcm: bytes) -> bytes:
    """Write an AVI of frames as they are decoded, with as much mono sound beside each."""
    stream = "<4s4sIHHIIIIIIII4H"
    vids = (b"vids", fourcc, 0, 0, 0, 0, 1, rate, 0, len(frames), 1 << 20, 0, 0, 0, 0, *size)
    samples = len(pcm) // SAMPLE_BYTES
    auds = (b"auds", bytes(4), 0, 0, 0, 0, 1, HERTZ, 0, samples, 1 << 16, 0, SAMPLE_BYTES)
    picture = struct.pack("<IiiHH4sIiiII", 40, *size, 1, 24, fourcc, 0, 0, 0, 0, 0)
    wave = struct.pack("<HHIIHH", 1, 1, HERTZ, HERTZ * SAMPLE_BYTES, SAMPLE_BYTES, 16)
    head = (1_000_000 // rate, 0, 0, 0x10, len(frames), 0, 2, 1 << 20, *size, 0, 0, 0, 0)
    hdrl = _list(
        b"hdrl",
        _chunk(b"avih", struct.pack("<14I", *head)),
        _list(b"strl", _chunk(b"strh", struct.pack(stream, *vids)), _chunk(b"strf", picture)),
        _list(
            b"strl",
            _chunk(b"strh", struct.pack(stream, *auds, *([0] * 4))),
            _chunk(b"strf", wave),
        ),
    )
    step = HERTZ // rate * SAMPLE_BYTES
    movi, index, at = [], [], 4
    for number, frame in enumerate(frames):
        for name, data in ((b"00dc", frame), (b"01wb", pcm[number * step :][:step])):
            movi.append(_chunk(name, data))
            index.append(struct.pack("<4sIII", name, 0x10 * (number == 0), at, len(data)))
            at += len(movi[-1])
    return _chunk(
        b"RIFF", b"AVI " + hdrl + _list(b"movi", *movi) + _chunk(b"idx1", b"".join(index))
    )


def _pictures(stream: bytes) -> list[bytes]:
    """Cut a stream of MPEG-4 part 2 into its pictures, without its encoder's words."""
    head, *rest = stream.split(VOP)
    head = head.split(WORDS)[0]
    return [head * (number == 0) + VOP + one for number, one in enumerate(rest)]


def _packed(pictures: Iterable[bytes]) -> list[bytes]:
    """Put a picture that others are made of into one chunk with the first of those, as Xvid does.

    So each chunk has one that can be shown; of the last, whose picture came before, there is none.
    """
    made: list[bytes] = []
    filling = False
    for one in pictures:
        between = one[one.index(VOP) + len(VOP)] >> 6 == B_PICTURE
        if not between:
            made += [NO_PICTURE] * filling + [one]
        elif filling:
            made.append(one)
        else:
            made[-1] += one
        filling = between
    made[0] = made[0].replace(VOP, PACKED + VOP, 1)
    return made + [NO_PICTURE] * filling


def packed(folder: Path) -> Path:
    """MPEG-4 with B-frames as Xvid puts them into AVI."""
    coded, heard, path = folder / "a.m4v", folder / "a.pcm", folder / "a.avi"
    ffmpeg("-f", "lavfi", "-i", CLIP.picture(), *MPEG4, *NOISE, "-f", "m4v", str(coded))
    ffmpeg("-f", "lavfi", "-i", CLIP.sound(rate=HERTZ), "-f", "s16le", str(heard))
    frames = _packed(_pictures(coded.read_bytes()))
    path.write_bytes(avi(b"XVID", 25, (320, 240), frames, heard.read_bytes()))
    return path


def following(name: str, video: tuple[str, ...], audio: tuple[str, ...]) -> Callable[[Path], Path]:
    """A clip whose frames and sound follow each other from the beginning."""

    def make(folder: Path) -> Path:
        first = encode(folder / "first.nut", video=video, audio=audio)
        clocks = ("-bsf:v", "setts=ts=N:time_base=1/25", "-bsf:a", "setts=ts=PTS-STARTPTS")
        return copied(folder / name, first, after=clocks)

    return make


def rewrapped(folder: Path) -> Path:
    """A Matroska file made of an AVI: its times are those of decoding.

    ffmpeg writes such a one of codecs that have no name in Matroska: it is told a wrong one.
    """
    origin, path = folder / "origin.avi", folder / "a.mkv"
    made = following("first.avi", XVID, PCM)(folder)
    origin.write_bytes(made.read_bytes().replace(b"XVID", b"MP42"))
    copied(path, origin, after=("-bsf:v", "setts=pts=DTS"))
    path.write_bytes(path.read_bytes().replace(b"MP42", b"XVID"))
    return path


def _row(name: str, make: Callable[[Path], Path], clip: Clip = CLIP) -> Row:
    expect = Expect(
        frames=clip.frames,
        seconds=clip.seconds,
        times=tuple(float(n / clip.fps) for n in range(clip.frames)),
        patches=Patches(),
        sync=True,
        moments=clip.moments,
    )
    return Row(name, make, expect)


ROWS = (
    *(
        _row(f"AVI, {kind} with B-frames, {what}", following("a.avi", video, audio))
        for kind, video in (("Xvid", XVID), ("H.264", H264))
        for what, audio in (("PCM", PCM), ("AC-3", AC3))
    ),
    *(
        _row(f"AVI, H.264 with B-frames, {what}, by ffmpeg", film("a.avi", H264, audio))
        for what, audio in (("MP3", MP3), ("AC-3", AC3), ("AAC", AAC), ("DTS", DTS))
    ),
    Row(
        "AVI of ten frames a second, MP3, by ffmpeg",
        film("a.avi", XVID_P, MP3, clip=SLOW),
        Expect(frames=SLOW.frames, patches=Patches(), sync=True),
    ),
    _row(
        "AVI, H.264 with B-frames, all of it late, by ffmpeg",
        film("a.avi", H264, AC3, "-output_ts_offset", "0.5"),
    ),
    Row(
        "a part of an AVI with B-frames",
        following("a.avi", XVID, PCM),
        Expect(frames=50, seconds=2, patches=Patches(), sync=True, moments=(0.28, 1.28)),
        small().model_copy(update={"trim": TrimSettings(start="0.2s", end="2.2s")}),
    ),
    _row("AVI, Xvid with packed B-frames", packed),
    _row("MKV made of an AVI with B-frames", rewrapped),
)
