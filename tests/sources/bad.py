"""Sources that can't be used, or only in part: each is refused by name, with what to do."""

from __future__ import annotations

import subprocess
from random import Random
from typing import TYPE_CHECKING

from tests.media import ENVIRONMENT, ffmpeg, tools
from tests.sources.bitstream import cut_short, damaged, zeroed
from tests.sources.picture import X264, Clip, encode
from tests.sources.row import Expect, Row

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

KEY = "00112233445566778899aabbccddeeff"
CLIP = Clip(seconds=6)


def cut(name: str, share: float, *last: str) -> Callable[[Path], Path]:
    return lambda folder: cut_short(
        encode(folder / f"whole-{name}", CLIP, last=last), folder / name, share
    )


def cut_tune(name: str, *coded: str, share: float = 0.6) -> Callable[[Path], Path]:
    """Sound alone, of which only the first part came."""

    def make(folder: Path) -> Path:
        whole = folder / f"whole-{name}"
        ffmpeg("-f", "lavfi", "-i", CLIP.sound(), *coded, str(whole))
        return cut_short(whole, folder / name, share)

    return make


def hurt_tune(name: str, *coded: str) -> Callable[[Path], Path]:
    """Sound alone, with a hole in its middle."""

    def make(folder: Path) -> Path:
        whole = folder / f"whole-{name}"
        ffmpeg("-f", "lavfi", "-i", "anoisesrc=d=20:r=48000", *coded, str(whole))
        return damaged(whole, folder / name, 0.2)

    return make


def scrambled(folder: Path) -> Path:
    """A broadcast that nobody unlocked: what is in its packets can't be told from noise."""
    data = bytearray(encode(folder / "clear.ts", CLIP).read_bytes())
    noise = Random(11)
    for at in range(0, len(data), 188):
        stream = (data[at + 1] & 0x1F) << 8 | data[at + 2]
        if stream in (0x100, 0x101) and data[at + 3] & 0x10:
            data[at + 3] |= 0x80
            begins = at + 4 + (1 + data[at + 4] if data[at + 3] & 0x20 else 0)
            data[begins : at + 188] = noise.randbytes(at + 188 - begins)
    (folder / "a.ts").write_bytes(data)
    return folder / "a.ts"


def hurt(name: str, share: float, every: int = 1) -> Callable[[Path], Path]:
    noisy = (*X264, "-vf", "noise=alls=20:allf=t")
    return lambda folder: damaged(
        encode(folder / f"whole-{name}", CLIP, video=noisy), folder / name, share, every=every
    )


def long_hurt(folder: Path) -> Path:
    """A picture that is damaged, to longer sound that can't be: it is nothing but samples."""
    noisy, samples = (*X264, "-vf", "noise=alls=20:allf=t"), ("-c:a", "pcm_s16le")
    sound = Clip(seconds=14).sound()
    whole = encode(folder / "whole.mov", CLIP, video=noisy, audio=samples, sound=sound)
    return damaged(whole, folder / "a.mov", 0.3)


def blank(name: str, share: float) -> Callable[[Path], Path]:
    noisy = (*X264, "-vf", "noise=alls=20:allf=t")
    return lambda folder: zeroed(
        encode(folder / f"whole-{name}", CLIP, video=noisy), folder / name, share
    )


def holding(name: str, data: bytes) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        (folder / name).write_bytes(data)
        return folder / name

    return make


def still(name: str, *coded: str) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        path = folder / name
        ffmpeg("-f", "lavfi", "-i", Clip().picture(), "-frames:v", "1", *coded, str(path))
        return path

    return make


def locked(scheme: str) -> Callable[[Path], Path]:
    """A film encrypted with a key that isn't in it."""

    def make(folder: Path) -> Path:
        first, path = encode(folder / "first.mp4"), folder / "a.mp4"
        _lock(first, path, "--protection_scheme", scheme)
        return path

    return make


def locked_webm(folder: Path) -> Path:
    vp9 = ("-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-b:v", "1M")
    first, path = encode(folder / "first.webm", video=vp9, audio=None), folder / "a.webm"
    _lock(first, path)
    return path


def _lock(first: Path, path: Path, *options: str) -> None:
    keys = f"label=:key_id={KEY}:key={KEY[::-1]}"
    argv = [str(tools().packager), f"in={first},stream=video,output={path}"]
    argv += ["--enable_raw_key_encryption", "--keys", keys, "--clear_lead", "0", *options]
    subprocess.run(argv, check=True, capture_output=True, timeout=60, env=ENVIRONMENT)


def renamed(folder: Path) -> Path:
    """A playlist with the name of a film."""
    (folder / "a.mp4").write_text("#EXTM3U\n#EXTINF:1,\n/etc/passwd\n#EXT-X-ENDLIST\n")
    return folder / "a.mp4"


def _bad(name: str, make: Callable[[Path], Path], code: str) -> Row:
    return Row(name, make, Expect(error=code))


FRONT = ("-movflags", "+faststart")
#: What lacks so little that only its container knows.
ENDLESS = {
    "a.mp4": cut("a.mp4", 0.999, *FRONT),
    "a.mkv": cut("a.mkv", 0.99),
    "a.flv": cut("a.flv", 0.95),
    "a.gif": lambda folder: cut_short(
        encode(folder / "b.gif", Clip(seconds=2), video=(), audio=None), folder / "a.gif", 0.99
    ),
    "a.ogg": cut_tune("a.ogg", "-c:a", "libvorbis", share=0.95),
    "a.opus": cut_tune("a.opus", "-c:a", "libopus", share=0.99),
    "a.flac": cut_tune("a.flac", "-c:a", "flac", share=0.95),
    "a.mp3": cut_tune("a.mp3", "-c:a", "libmp3lame", share=0.97),
    "a.wav": cut_tune("a.wav", share=0.99),
    "a.aiff": cut_tune("a.aiff", share=0.99),
    "a.caf": cut_tune("a.caf", share=0.99),
    "a.w64": cut_tune("a.w64", share=0.99),
}
HOLLOW = {
    "a.mp3": hurt_tune("a.mp3", "-c:a", "libmp3lame"),
    "a.aac": hurt_tune("a.aac", "-c:a", "aac"),
    "a.ac3": hurt_tune("a.ac3", "-c:a", "ac3"),
    "a.flac": hurt_tune("a.flac", "-c:a", "flac"),
    "a.ogg": hurt_tune("a.ogg", "-c:a", "libvorbis"),
    "a.opus": hurt_tune("a.opus", "-c:a", "libopus"),
    "a.mka": hurt_tune("a.mka", "-c:a", "libopus"),
}
ROWS = (
    _bad("MP4 without its index", cut("a.mp4", 0.6), "truncated"),
    _bad("MP4 cut short, its index in front", cut("a.mp4", 0.6, *FRONT), "truncated"),
    _bad("MOV without its index", cut("a.mov", 0.5), "truncated"),
    _bad("MKV cut short", cut("a.mkv", 0.6), "truncated"),
    _bad(
        "MKV of which only the header came",
        holding("a.mkv", bytes.fromhex("1a45dfa3a3428681")),
        "truncated",
    ),
    _bad("MP4 of which only the first bytes came", cut("a.mp4", 0.001), "truncated"),
    _bad(
        "AVI cut short",
        lambda folder: cut_short(
            encode(folder / "b.avi", CLIP, video=("-c:v", "mpeg4"), audio=("-c:a", "libmp3lame")),
            folder / "a.avi",
            0.6,
        ),
        "truncated",
    ),
    _bad(
        "FLV cut short",
        lambda folder: cut_short(encode(folder / "b.flv", CLIP), folder / "a.flv", 0.6),
        "truncated",
    ),
    _bad(
        "WMV cut short",
        lambda folder: cut_short(
            encode(folder / "b.wmv", CLIP, video=("-c:v", "wmv2"), audio=("-c:a", "wmav2")),
            folder / "a.wmv",
            0.6,
        ),
        "truncated",
    ),
    _bad("encrypted WebM", locked_webm, "encrypted"),
    _bad("M4A without its index", cut_tune("a.m4a", "-c:a", "aac"), "truncated"),
    _bad("WAV cut short", cut_tune("a.wav"), "truncated"),
    _bad("FLAC cut short", cut_tune("a.flac"), "truncated"),
    _bad("MP3 cut short", cut_tune("a.mp3", "-c:a", "libmp3lame"), "truncated"),
    _bad("TTA cut short", cut_tune("a.tta", "-c:a", "tta"), "damaged"),
    _bad("WavPack cut short", cut_tune("a.wv", "-c:a", "wavpack"), "truncated"),
    _bad("AU cut short", cut_tune("a.au"), "truncated"),
    _bad("sound alone in MKV, cut short", cut_tune("a.mka", "-c:a", "flac"), "truncated"),
    _bad(
        "a picture of a kind that nothing decodes",
        lambda folder: encode(
            folder / "a.flv",
            video=("-c:v", "flashsv"),
            audio=("-c:a", "libmp3lame", "-ar", "44100"),
        ),
        "refused_format",
    ),
    _bad("zero bytes", holding("a.mp4", b""), "empty"),
    _bad("text", holding("a.mp4", b"Dear diary,\ntoday I took no film.\n" * 50), "not_media"),
    _bad("noise", holding("a.mkv", bytes(range(256)) * 40), "not_media"),
    _bad("random bytes", holding("a.ts", Random(7).randbytes(65_536)), "not_media"),
    _bad("zeros", holding("a.mp4", bytes(100_000)), "not_media"),
    _bad(
        "a web page", holding("a.mp4", b"<!doctype html><html><body>404</body></html>"), "not_media"
    ),
    _bad("a ZIP archive", holding("a.zip", b"PK\x03\x04" + bytes(200)), "not_media"),
    _bad("a PDF", holding("a.mp4", b"%PDF-1.7\n" + b"1 0 obj\n" * 40), "not_media"),
    _bad("a playlist named MP4", renamed, "refused_format"),
    _bad("still image, PNG", still("a.png"), "still_image"),
    _bad("still image, JPEG", still("a.jpg"), "still_image"),
    _bad(
        "still image, JPEG named MP4",
        lambda folder: still("a.jpg")(folder).rename(folder / "a.mp4"),
        "still_image",
    ),
    _bad("still image, WebP", still("a.webp", "-c:v", "libwebp"), "still_image"),
    _bad(
        "still image, AVIF",
        still("a.avif", "-c:v", "libaom-av1", "-still-picture", "1", "-cpu-used", "8"),
        "still_image",
    ),
    _bad("still image, TIFF", still("a.tiff"), "still_image"),
    _bad("still image, BMP", still("a.bmp"), "still_image"),
    _bad("encrypted MP4, cenc", locked("cenc"), "encrypted"),
    _bad("encrypted MP4, cbcs", locked("cbcs"), "encrypted"),
    _bad("MPEG-TS, scrambled", scrambled, "encrypted"),
    *(
        _bad(f"{name.partition('.')[2].upper()} without its last bytes", make, "truncated")
        for name, make in ENDLESS.items()
    ),
    *(
        _bad(f"sound with a hole, {name.partition('.')[2].upper()}", make, "damaged")
        for name, make in HOLLOW.items()
    ),
    _bad("damaged in the middle, MP4", hurt("a.mp4", 0.5), "damaged"),
    _bad("damaged in the middle, MKV", hurt("a.mkv", 0.5), "damaged"),
    _bad("damaged in the middle, MPEG-TS", hurt("a.ts", 0.5), "damaged"),
    _bad("damaged in the middle, to longer sound", long_hurt, "damaged"),
    *(
        _bad(f"zeros in the middle, {name.partition('.')[2]}", blank(name, 0.1), "damaged")
        for name in ("a.mp4", "a.mkv", "a.ts", "a.m2ts", "a.flv")
    ),
    Row(
        "a few damaged bytes",
        hurt("a.mp4", 0.002, 50),
        Expect(frames=150, frames_short=3, seconds=6, sync=True, told="damaged"),
    ),
)
