"""Files that are small and ask for much: pixels, streams, frames, time, memory, words."""

from __future__ import annotations

import struct
import zlib
from functools import partial
from pathlib import Path

from tests.hostile.boxes import changed
from tests.hostile.ebml import element, head, real, unsigned
from tests.hostile.embedded import PICTURE, TONE
from tests.media import ffmpeg, make_clip

BILLION = 10**9
HUGE = 30_000


def png(width: int, height: int, *before: bytes, moving: bool = False) -> bytes:
    """Write a black picture of a bit a pixel, or an animation that is one."""
    lines = zlib.compressobj(9)
    data = b"".join(lines.compress(bytes(1 + (width + 7) // 8)) for _ in range(height))
    data += lines.flush()
    parts = [_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0))]
    if moving:
        parts.append(_chunk(b"acTL", struct.pack(">II", 1, 0)))
        parts.append(
            _chunk(b"fcTL", struct.pack(">IIIIIHHBB", 0, width, height, 0, 0, 1, 10, 0, 0))
        )
    parts += [*before, _chunk(b"IDAT", data), _chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def _chunk(name: bytes, data: bytes) -> bytes:
    return len(data).to_bytes(4, "big") + name + data + zlib.crc32(name + data).to_bytes(4, "big")


def packed(size: int) -> bytes:
    """Pack so many zeros, a thousand to one, without packing each of them."""
    packing = zlib.compressobj(9)
    begin = packing.compress(b"") + packing.flush(zlib.Z_FULL_FLUSH)
    each = packing.compress(bytes(1 << 20)) + packing.flush(zlib.Z_FULL_FLUSH)
    return begin + each * (size >> 20)


def packed_words(size: int) -> bytes:
    """Give a chunk of a PNG with so many letters."""
    return _chunk(b"zTXt", b"Comment\0\0" + packed(size))


def huge_still(folder: Path) -> Path:
    (folder / "film.mp4").write_bytes(png(HUGE, HUGE))
    return folder / "film.mp4"


def huge_animation(folder: Path) -> Path:
    (folder / "film.mp4").write_bytes(png(HUGE, HUGE, moving=True))
    return folder / "film.mp4"


def huge_gif(folder: Path) -> Path:
    path = folder / "film.gif"
    ffmpeg(*PICTURE, str(path))
    data = bytearray(path.read_bytes())
    data[6:10] = struct.pack("<HH", HUGE, HUGE)
    path.write_bytes(data)
    return path


def huge_track(folder: Path) -> Path:
    """An MP4 whose header is small, and whose picture is not."""
    path = make_clip(folder / "film.mp4", seconds=0.5)
    data = path.read_bytes()
    at = data.index(b"avc1", data.index(b"stsd"))
    path.write_bytes(data[: at + 28] + struct.pack(">HH", HUGE, HUGE) + data[at + 32 :])
    return path


def long_by_its_header(folder: Path) -> Path:
    """An MP4 that says it lasts thirty years."""
    path = make_clip(folder / "film.mp4", seconds=0.5)
    longer = partial(_duration, BILLION)
    data = changed(path.read_bytes(), "moov/mvhd", longer)
    path.write_bytes(changed(data, "moov/trak/mdia/mdhd", longer))
    return path


def _duration(seconds: int, old: bytes) -> bytes:
    """Write a header's duration in its 64-bit form."""
    scale = int.from_bytes(old[12:16], "big")
    times = struct.pack(">QQIQ", 0, 0, scale, seconds * scale)
    return b"\1" + old[1:4] + times + old[20:]


def long_by_its_frames(folder: Path) -> Path:
    """An MP4 whose frames are thirty years apart."""
    path = make_clip(folder / "film.mp4", seconds=0.5)
    data = changed(path.read_bytes(), "moov/trak/mdia/minf/stbl/stts", _far_apart)
    path.write_bytes(data)
    return path


def _far_apart(old: bytes) -> bytes:
    count = sum(
        int.from_bytes(old[8 + 8 * n : 12 + 8 * n], "big")
        for n in range(int.from_bytes(old[4:8], "big"))
    )
    return bytes(4) + (1).to_bytes(4, "big") + struct.pack(">II", count, 0x7FFFFFFF)


def long_matroska(folder: Path) -> Path:
    """A Matroska file that says it lasts thirty years."""
    path = folder / "film.mkv"
    ffmpeg(*PICTURE, "-c:v", "libx264", str(path))
    data = path.read_bytes()
    at = data.index(bytes.fromhex("448988"))
    path.write_bytes(data[: at + 3] + struct.pack(">d", BILLION * 1000.0) + data[at + 11 :])
    return path


def many_tracks(folder: Path) -> Path:
    """A Matroska file of 10,000 tracks."""
    tracks = b"".join(
        element(
            0xAE,
            unsigned(0xD7, number),
            unsigned(0x73C5, number),
            unsigned(0x83, 2),
            element(0x86, b"A_PCM/INT/LIT"),
            element(0xE1, real(0xB5, 48000.0), unsigned(0x9F, 1), unsigned(0x6264, 16)),
        )
        for number in range(1, 10_001)
    )
    block = element(0xA3, bytes((0x81, 0, 0, 0x80)) + bytes(200))
    cluster = element(0x1F43B675, unsigned(0xE7, 0), block)
    segment = element(0x18538067, element(0x1654AE6B, tracks), cluster)
    (folder / "film.mkv").write_bytes(head() + segment)
    return folder / "film.mkv"


def many_traks(folder: Path) -> Path:
    """An MP4 of 10,000 tracks."""
    path = folder / "film.mp4"
    ffmpeg(*TONE, "-c:a", "aac", str(path))
    data = path.read_bytes()

    def repeat(index: bytes) -> bytes:
        at = index.index(b"trak") - 4
        size = int.from_bytes(index[at : at + 4], "big")
        return index[:at] + index[at : at + size] * 10_000 + index[at + size :]

    path.write_bytes(changed(data, "moov", repeat))
    return path


def talkative(folder: Path) -> Path:
    """A film with comments of 24 MB, each as long as it may be."""
    path, told = folder / "film.mkv", folder / "told.txt"
    comments = [f"comment{n}=" + "talk" * 3_000_000 for n in range(2)]
    told.write_text("\n".join([";FFMETADATA1", *comments, ""]))
    inputs = (*PICTURE, "-f", "ffmetadata", "-i", str(told))
    ffmpeg(*inputs, "-map_metadata", "1", "-c:v", "libx264", str(path))
    told.unlink()
    return path


def cover_of_words(folder: Path) -> Path:
    """Sound with a cover in which gigabytes of words are packed."""
    return _with_cover(folder, png(16, 16, packed_words(6 << 30)))


def cover_of_pixels(folder: Path) -> Path:
    """Sound with a cover of nine hundred million pixels, black."""
    return _with_cover(folder, png(HUGE, HUGE))


def _with_cover(folder: Path, picture: bytes) -> Path:
    path = folder / "tune.flac"
    ffmpeg(*TONE, "-c:a", "flac", str(path))
    data = path.read_bytes()
    first = 4 + 4 + int.from_bytes(data[5:8], "big")
    kind = b"image/png"
    block = struct.pack(">II", 3, len(kind)) + kind + bytes(4)
    block += struct.pack(">IIIII", 16, 16, 1, 0, len(picture)) + picture
    header = bytes([6]) + len(block).to_bytes(3, "big")
    path.write_bytes(data[:first] + header + block + data[first:])
    return path


def packed_tracks(folder: Path) -> Path:
    """A Matroska file whose packets are packed (zlib), a thousand to one."""
    compression = element(0x5034, unsigned(0x4254, 0))
    track = element(
        0xAE,
        unsigned(0xD7, 1),
        unsigned(0x73C5, 1),
        unsigned(0x83, 1),
        element(0x86, b"V_MJPEG"),
        element(0xE0, unsigned(0xB0, 320), unsigned(0xBA, 240)),
        element(0x6D80, element(0x6240, compression)),
    )
    blocks = [
        element(0xA3, bytes((0x81,)) + n.to_bytes(2, "big") + b"\x80" + packed(1 << 28))
        for n in range(2)
    ]
    cluster = element(0x1F43B675, unsigned(0xE7, 0), *blocks)
    segment = element(0x18538067, element(0x1654AE6B, track), cluster)
    (folder / "film.mkv").write_bytes(head() + segment)
    return folder / "film.mkv"


def grows(folder: Path) -> Path:
    """A film whose second part is of another size: pixels that no probe has seen."""
    first, second = folder / "1.h264", folder / "2.h264"
    coded = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p")
    ffmpeg(*PICTURE, *coded, str(first))
    large = ("-f", "lavfi", "-i", "color=black:s=8192x8192:r=10:d=0.1", *coded, "-threads", "1")
    ffmpeg(*large, str(second))
    path = folder / "film.h264"
    path.write_bytes(first.read_bytes() * 20 + second.read_bytes())
    first.unlink()
    second.unlink()
    return path
