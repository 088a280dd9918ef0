"""Every container that is taken in, each with the codecs it is usually met with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.media import ffmpeg
from tests.sources.colours import CLEAR
from tests.sources.picture import AAC, X264, Clip, encode
from tests.sources.row import Expect, Patches, Row

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

VP9 = ("-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-b:v", "2M")
OPUS = ("-c:a", "libopus", "-b:a", "64k")
MPEG2 = ("-c:v", "mpeg2video", "-q:v", "2", "-g", "12", "-bf", "2", "-pix_fmt", "yuv420p")
MP2 = ("-c:a", "mp2", "-b:a", "128k")
PCM = ("-c:a", "pcm_s16le")
CLIP = Clip()


def film(
    name: str,
    video: tuple[str, ...] = X264,
    audio: tuple[str, ...] | None = AAC,
    *last: str,
    clip: Clip = CLIP,
    sound: str | None = None,
) -> Callable[[Path], Path]:
    return lambda folder: encode(
        folder / name, clip, video=video, audio=audio, sound=sound, last=last
    )


def tune(name: str, *coded: str) -> Callable[[Path], Path]:
    """A file with sound only."""

    def make(folder: Path) -> Path:
        ffmpeg("-f", "lavfi", "-i", CLIP.sound(channels=2), *coded, str(folder / name))
        return folder / name

    return make


def changing(name: str, *coded: str) -> Callable[[Path], Path]:
    """Sound that needs few bits at first and many later: its length can't be told from its size."""

    def make(folder: Path) -> Path:
        sound = CLIP.sound().replace("aevalsrc=", "aevalsrc=0.05*(random(0)-0.5)*gt(t\\,1.6)+", 1)
        ffmpeg("-f", "lavfi", "-i", sound, *coded, str(folder / name))
        return folder / name

    return make


def _film(name: str, make: Callable[[Path], Path], *, sync: bool = True, short: int = 0) -> Row:
    expect = Expect(
        frames=CLIP.frames,
        frames_short=short,
        seconds=3,
        patches=Patches(),
        sync=sync,
        moments=CLIP.moments,
        silent=not sync,
    )
    return Row(name, make, expect)


def _tune(name: str, make: Callable[[Path], Path]) -> Row:
    return Row(name, make, Expect(beeps=CLIP.moments))


H263 = ("-c:v", "h263", "-q:v", "2", "-pix_fmt", "yuv420p")
CIF = Clip(size="352x288")
WMV = ("-c:v", "wmv2", "-q:v", "2", "-pix_fmt", "yuv420p")
THEORA = ("-c:v", "libtheora", "-q:v", "9", "-pix_fmt", "yuv420p")
XDCAM = (*MPEG2[:4], "-g", "12", "-pix_fmt", "yuv422p")
XVID = ("-c:v", "mpeg4", "-q:v", "2", "-bf", "0", "-vtag", "XVID")
#: What the encoder puts before the sound, which only that header would tell: seconds.
MP3_DELAY_S = 1105 / 48_000
VBR = ("-c:a", "libmp3lame", "-q:a", "4", "-write_xing", "0", "-id3v2_version", "0")
WEBP = ("-c:v", "libwebp_anim", "-lossless", "1", "-loop", "0")
LOSSY = ("-c:v", "libwebp_anim", "-quality", "90", "-compression_level", "0", "-loop", "0")
GIF_LOOK = ("-vf", "split[a][b];[a]palettegen[p];[b][p]paletteuse=dither=none")
FILMS = (
    _film("MP4", film("a.mp4")),
    _film(
        "MP4 with HEVC",
        film(
            "a.mp4",
            (
                "-c:v",
                "libx265",
                "-preset",
                "ultrafast",
                "-crf",
                "12",
                "-x265-params",
                "log-level=error",
            ),
        ),
    ),
    _film("MP4, fragmented", film("a.mp4", X264, AAC, "-movflags", "frag_keyframe+empty_moov")),
    _film(
        "MP4 with AV1",
        film(
            "a.mp4",
            ("-c:v", "libsvtav1", "-preset", "12", "-crf", "15", "-svtav1-params", "fast-decode=1"),
        ),
    ),
    _film("MOV with ProRes and PCM", film("a.mov", ("-c:v", "prores_ks", "-profile:v", "2"), PCM)),
    _film(
        "MOV with MJPEG", film("a.mov", ("-c:v", "mjpeg", "-q:v", "2", "-pix_fmt", "yuvj420p"), PCM)
    ),
    _film("MKV with FLAC", film("a.mkv", X264, ("-c:a", "flac"))),
    _film("WebM, VP9 and Opus", film("a.webm", VP9, OPUS)),
    _film(
        "WebM, VP8 and Vorbis",
        film(
            "a.webm",
            ("-c:v", "libvpx", "-b:v", "2M", "-deadline", "realtime"),
            ("-c:a", "libvorbis"),
        ),
    ),
    _film("AVI with MPEG-4 and MP3", film("a.avi", XVID, ("-c:a", "libmp3lame"))),
    _film("AVI with H.264", film("a.avi", (*X264, "-bf", "0"), ("-c:a", "libmp3lame"))),
    _film(
        "AVI with DivX B-frames",
        film(
            "a.avi",
            ("-c:v", "mpeg4", "-q:v", "2", "-bf", "2", "-vtag", "DIVX"),
            ("-c:a", "libmp3lame"),
        ),
    ),
    _film("MPEG-TS", film("a.ts")),
    _film("MPEG-TS with AC-3", film("a.ts", MPEG2, ("-c:a", "ac3"))),
    _film("M2TS", film("a.m2ts", X264, ("-c:a", "ac3"), "-mpegts_m2ts_mode", "1")),
    _film("MPG", film("a.mpg", MPEG2, MP2)),
    _film("VOB", film("a.vob", MPEG2, ("-c:a", "ac3"))),
    _film("MPG with MPEG-1", film("a.mpg", ("-c:v", "mpeg1video", "-q:v", "2", "-bf", "2"), MP2)),
    _film(
        "FLV with Sorenson",
        film("a.flv", ("-c:v", "flv", "-q:v", "2"), ("-c:a", "libmp3lame", "-ar", "44100")),
    ),
    _film("FLV with H.264", film("a.flv", X264, AAC)),
    _film(
        "3GP",
        film(
            "a.3gp",
            H263,
            ("-c:a", "libopencore_amrnb", "-ar", "8000", "-ac", "1", "-b:a", "12.2k"),
            "-r",
            "25",
            clip=CIF,
        ),
    ),
    _film("3GP with H.264", film("a.3gp", X264, AAC)),
    _film("OGV", film("a.ogv", (*THEORA, "-vf", "noise=alls=12:allf=t"), ("-c:a", "libvorbis"))),
    _film("MXF", film("a.mxf", XDCAM, (*PCM, "-ar", "48000"))),
    _film(
        "DV",
        film(
            "a.dv",
            ("-c:v", "dvvideo", "-pix_fmt", "yuv420p", "-aspect", "4:3"),
            (*PCM, "-ar", "48000", "-ac", "2"),
            clip=Clip(size="720x576"),
        ),
    ),
    _film("WTV", film("a.wtv", MPEG2, MP2)),
    _film("NUT", film("a.nut", ("-c:v", "ffv1"), PCM)),
    _film("H.264 without a container", film("a.h264", (*X264, "-bf", "0"), None), sync=False),
    _film("GIF", film("a.gif", GIF_LOOK, None), sync=False),
)
#: What is not like the others, and why.
OTHERS = (
    # Frames that are alike are one, shown for longer.
    Row(
        "animated WebP",
        film("a.webp", WEBP, None),
        Expect(
            frames=7,
            seconds=3,
            times=(0, 0.48, 0.6, 1.48, 1.6, 2.48, 2.6),
            patches=Patches(),
            silent=True,
        ),
    ),
    Row(
        "animated WebP, transparent",
        film("a.webp", (*LOSSY, "-vf", f"noise=alls=12:allf=t,{CLEAR},format=yuva420p"), None),
        Expect(
            frames=75,
            seconds=3,
            patches=Patches(clear=True),
            moments=CLIP.moments,
            silent=True,
            told="transparent",
        ),
    ),
    # Its sound begins with the encoder's delay, 43 ms before the picture.
    Row(
        "WMV",
        film("a.wmv", WMV, ("-c:a", "wmav2")),
        Expect(frames=75, seconds=3.04, patches=Patches(), sync=True),
    ),
    # Theora keeps a frame that is like the one before as an empty packet, which is none.
    Row(
        "OGV with repeated frames",
        film("a.ogv", THEORA, ("-c:a", "libvorbis")),
        Expect(seconds=3, patches=Patches(), sync=True, moments=CLIP.moments),
    ),
)
#: WMA tells nobody of its encoder's delay.
LATE = tuple(at + 2048 / 48_000 for at in CLIP.moments)
TUNES = (
    _tune("MP3", tune("a.mp3", "-c:a", "libmp3lame")),
    _tune("FLAC", tune("a.flac")),
    _tune("WAV", tune("a.wav")),
    _tune("M4A", tune("a.m4a", *AAC)),
    _tune("M4A with ALAC", tune("a.m4a", "-c:a", "alac")),
    _tune("AU", tune("a.au")),
    _tune("MLP without a container", tune("a.mlp", "-c:a", "mlp", "-strict", "-2")),
    _tune("AAC in LATM without a container", tune("a.latm", *AAC, "-f", "latm")),
    _tune("VOC", tune("a.voc")),
    _tune("TTA", tune("a.tta", "-c:a", "tta")),
    _tune("TTA, mono", tune("a.tta", "-c:a", "tta", "-ac", "1")),
    _tune("WavPack", tune("a.wv", "-c:a", "wavpack")),
    _tune("DTS without a container", tune("a.dts", "-c:a", "dca", "-strict", "-2")),
    _tune("TrueHD without a container", tune("a.thd", "-c:a", "truehd", "-strict", "-2")),
    _tune("AMR", tune("a.amr", "-c:a", "libopencore_amrnb", "-ar", "8000", "-ac", "1")),
    _tune("OGG with Vorbis", tune("a.ogg", "-c:a", "libvorbis")),
    _tune("OGG with Opus", tune("a.ogg", "-c:a", "libopus")),
    Row(
        "MP3 of changing bitrate without a header",
        changing("a.mp3", *VBR),
        Expect(beeps=tuple(at + MP3_DELAY_S for at in CLIP.moments)),
    ),
    _tune(
        "AAC of changing bitrate without a container", changing("a.aac", "-c:a", "aac", "-q:a", "1")
    ),
    _tune("AAC without a container", tune("a.aac", *AAC)),
    Row("WMA", tune("a.wma", "-c:a", "wmav2"), Expect(beeps=LATE)),
)


def twice(name: str, make: Callable[[Path], Path], expect: Expect) -> Row:
    """A file whose bytes are there twice, one behind the other: the second half is not read."""

    def appended(folder: Path) -> Path:
        path = make(folder)
        path.write_bytes(path.read_bytes() * 2)
        return path

    return Row(f"appended to itself, {name}", appended, expect)


FIRST_FILM = Expect(frames=75, told="only the first is used")
FIRST_TUNE = Expect(beeps=CLIP.moments, told="only the first is used")


def two_ogvs(folder: Path) -> Path:
    """Two recordings one behind the other, each with streams of its own."""
    path = folder / "a.ogv"
    parts = [
        film(f"{number}.ogv", NOISY, ("-c:a", "libvorbis"), "-serial_offset", str(number))(folder)
        for number in (10, 20)
    ]
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    return path


NOISY = (*THEORA, "-vf", "noise=alls=12:allf=t")
APPENDED = (
    twice("a.flv", film("a.flv"), FIRST_FILM),
    Row("appended to another, a.ogv", two_ogvs, FIRST_FILM),
    twice("a.gif", film("a.gif", GIF_LOOK, None), Expect(frames=150, seconds=6, silent=True)),
    twice("a.mp4", film("a.mp4"), FIRST_FILM),
    twice("a.wav", tune("a.wav"), FIRST_TUNE),
    twice("a.aiff", tune("a.aiff"), FIRST_TUNE),
    twice("a.tta", tune("a.tta", "-c:a", "tta"), FIRST_TUNE),
    twice("a.wv", tune("a.wv", "-c:a", "wavpack"), FIRST_TUNE),
    # Here both are read, but the second without a time of its own.
    twice("a.flac", tune("a.flac"), Expect(beeps=CLIP.moments, told="first comes out right")),
    twice("a.mkv", film("a.mkv"), Expect(told="only the first comes out right")),
)
ROWS = (*FILMS, *OTHERS, *TUNES, *APPENDED)
