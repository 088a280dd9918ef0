"""Sound: alone, missing, silent, in several languages, in many channels and at odd rates."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.settings.profiles import TrimSettings
from tests.media import ffmpeg
from tests.sources.picture import AAC, X264, Clip, encode
from tests.sources.row import Expect, Patches, Row, small

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

CLIP = Clip()
TALK = Clip(seconds=30)
LONG = Clip(seconds=6)
LATE = Clip(seconds=10)
FLAC = ("-c:a", "flac")
SPHERE = ("-c:a", "libopus", "-mapping_family", "2")
PCM = ("-c:a", "pcm_s16le")


def heard(
    name: str, *coded: str, rate: int = 48_000, channels: int = 1, layout: str = ""
) -> Callable[[Path], Path]:
    """A clip with one track of so many channels, each with the same beeps."""
    sound = CLIP.sound(rate=rate, channels=channels)
    if layout:
        sound += f":c={layout}"
    return lambda folder: encode(folder / name, audio=coded or AAC, sound=sound)


def tongues(
    name: str, *languages: str, default: int = 0, coded: tuple[str, ...] = AAC
) -> Callable[[Path], Path]:
    """A clip with a track for each language; the one numbered `default` is marked so."""

    def make(folder: Path) -> Path:
        path = folder / name
        inputs: list[str] = []
        maps: list[str] = []
        for number, language in enumerate(languages):
            inputs += ["-f", "lavfi", "-i", CLIP.sound(pitch=1000 + 500 * number)]
            maps += ["-map", f"{number + 1}:a"]
            if language:
                maps += [f"-metadata:s:a:{number}", f"language={language}"]
            maps += [f"-disposition:a:{number}", "default" if number == default else "0"]
        picture = ("-f", "lavfi", "-i", CLIP.picture())
        ffmpeg(*picture, *inputs, "-map", "0:v", *maps, *X264, *coded, str(path))
        return path

    return make


def alone(name: str, *coded: str, cover: bool = False, channels: int = 2) -> Callable[[Path], Path]:
    """Sound only, with a picture of its cover or without."""

    def make(folder: Path) -> Path:
        path = folder / name
        inputs = ["-f", "lavfi", "-i", CLIP.sound(channels=channels)]
        maps = ["-map", "0:a"]
        if cover:
            art = folder / "cover.jpg"
            ffmpeg("-f", "lavfi", "-i", Clip(size="600x600").picture(), "-frames:v", "1", str(art))
            inputs += ["-i", str(art)]
            maps += ["-map", "1:v", "-c:v", "copy", "-disposition:v:0", "attached_pic"]
        ffmpeg(*inputs, *maps, *coded, str(path))
        return path

    return make


def covered(folder: Path) -> Path:
    """A film with cover art as a second picture."""
    art, film, path = folder / "cover.jpg", folder / "film.mp4", folder / "a.mp4"
    ffmpeg("-f", "lavfi", "-i", "color=red:s=600x600:d=1", "-frames:v", "1", str(art))
    encode(film)
    ffmpeg(
        *("-i", str(art), "-i", str(film), "-map", "0:v", "-map", "1", "-c", "copy"),
        *("-disposition:v:0", "attached_pic", str(path)),
    )
    return path


def short(name: str, *coded: str) -> Callable[[Path], Path]:
    """Sound that ends a second before the picture does."""
    return lambda folder: encode(folder / name, Clip(seconds=4), sound=CLIP.sound(), last=coded)


def outlasting(
    name: str, picture_s: float, sound_s: float = 6, *last: str
) -> Callable[[Path], Path]:
    """Sound that goes on when the picture is over."""
    shown, heard = Clip(seconds=picture_s), Clip(seconds=sound_s)
    return lambda folder: encode(folder / name, shown, sound=heard.sound(), last=last)


def two_lengths(folder: Path) -> Path:
    """Two pictures: the one that is not used goes on for three seconds after all else."""
    path, whole = folder / "a.mkv", ("-f", "lavfi", "-i", "color=red:s=80x60:r=25:d=6")
    sources = ("-f", "lavfi", "-i", CLIP.picture(), *whole, "-f", "lavfi", "-i", CLIP.sound())
    maps = ("-map", "0:v", "-map", "1:v", "-map", "2:a", "-disposition:v:0", "default")
    ffmpeg(*sources, *maps, *X264, *AAC, str(path))
    return path


def late(
    name: str,
    begins_s: float = 6,
    video: tuple[str, ...] = X264,
    audio: tuple[str, ...] = AAC,
) -> Callable[[Path], Path]:
    """Sound that begins when ffprobe looks no more, and lasts no more than two seconds."""
    heard = f"{LATE.sound()},aselect=between(t\\,{begins_s}\\,{begins_s + 2})"
    return lambda folder: encode(
        folder / name, LATE, video=video, audio=audio, sound=heard, last=("-copyts",)
    )


def begun_late(folder: Path) -> Path:
    """Sound alone whose clock begins at seven seconds."""
    heard, path = f"{LATE.sound()},atrim=start=7", folder / "a.opus"
    ffmpeg("-f", "lavfi", "-i", heard, "-c:a", "libopus", "-copyts", str(path))
    return path


def in_fragments(folder: Path) -> Path:
    """An MP4 in fragments, whose sound begins 80 ms after its picture: its first packet is long."""
    heard, fragments = CLIP.sound() + ",atrim=start=0.08", "frag_keyframe+empty_moov"
    path, last = folder / "a.mp4", ("-copyts", "-movflags", fragments)
    return encode(path, audio=FLAC, sound=heard, last=last)


def single(  # every part may be replaced
    name: str,
    rate: int,
    *last: str,
    video: tuple[str, ...] = X264,
    audio: tuple[str, ...] = AAC,
    heard: Clip = LONG,
    shown: Clip | None = None,
) -> Callable[[Path], Path]:
    """Sound with a single frame, in a container whose clock may tick as seldom as its frames."""
    shown = shown or Clip(seconds=1 / rate, rate=str(rate))
    return lambda folder: encode(
        folder / name, shown, video=video, audio=audio, sound=heard.sound(), last=last
    )


def broken(folder: Path) -> Path:
    """Sound with a hole: nothing is stored for half a second in the middle."""
    first, path = encode(folder / "first.mkv", audio=PCM), folder / "a.mkv"
    hole = "noise=drop='between(pts*tb,1.7,2.2)'"
    ffmpeg("-i", str(first), "-c", "copy", "-bsf:a", hole, str(path))
    return path


def live(folder: Path) -> Path:
    """A call recorded into a pipe: nothing says how long it is, and its packets are tiny."""
    sound, path = TALK.sound(rate=8000) + ",asetnsamples=160", folder / "a.mka"
    ffmpeg(*("-f", "lavfi", "-i", sound, "-c:a", "pcm_mulaw", "-live", "1", str(path)))
    return path


def joined(folder: Path) -> Path:
    """Two songs one behind the other, each with a tag and a cover of its own."""
    song = alone("song.mp3", "-c:a", "libmp3lame", cover=True)(folder).read_bytes()
    (folder / "a.mp3").write_bytes(song + song)
    return folder / "a.mp3"


def _row(
    name: str,
    make: Callable[[Path], Path],
    *,
    layout: str | None = None,
    sounds: tuple[str | None, ...] | None = None,
    moments: tuple[float, ...] = CLIP.moments,
) -> Row:
    expect = Expect(
        frames=75,
        seconds=3,
        patches=Patches(),
        sync=True,
        moments=moments,
        layout=layout,
        sounds=sounds,
    )
    return Row(name, make, expect)


def _alone(name: str, make: Callable[[Path], Path], *, poster: bool = False) -> Row:
    return Row(name, make, Expect(beeps=CLIP.moments, poster=poster))


THEORA, VORBIS, MJPEG, MP2 = (
    *(("-c:v", "libtheora"), ("-c:a", "libvorbis")),
    *(("-c:v", "mjpeg"), ("-c:a", "mp2")),
)
TICKS = "-video_track_timescale"
#: Single frames by how their containers count time.
COARSE = {
    "whole seconds, ogv": single("a.ogv", 1, video=THEORA, audio=VORBIS),
    "whole seconds, mp4": single("a.mp4", 1, TICKS, "1"),
    "half seconds, mov": single("a.mov", 1, TICKS, "2"),
    "fifths of a second, avi": single("a.avi", 5, video=MJPEG, audio=MP2),
}
#: When a frame is shown that is held for thirty seconds: once a second, at the end more often; and
#: when those of a film are, whose last frame is.
SELDOM_OFTEN = (*range(22), *(22 + n / 10 for n in range(80)))
HELD = (
    *(n / 25 for n in range(74)),
    *(2.96 + n for n in range(20)),
    *(22.96 + n / 10 for n in range(71)),
)
MPEG2_MP2 = ("-c:v", "mpeg2video", "-q:v", "3", "-bf", "2"), ("-c:a", "mp2")
MUTE = "anullsrc=r=48000:cl=stereo:d=3"
ROWS = (
    _row("mono", heard("a.mp4"), layout="mono"),
    _row("stereo", heard("a.mp4", channels=2), layout="stereo"),
    _row("5.1, AAC", heard("a.mp4", channels=6, layout="5.1"), layout="stereo"),
    _row("5.1, AC-3", heard("a.mkv", "-c:a", "ac3", channels=6, layout="5.1"), layout="stereo"),
    _row("7.1, FLAC", heard("a.mkv", *FLAC, channels=8, layout="7.1"), layout="stereo"),
    _row("quadraphonic, PCM", heard("a.mov", *PCM, channels=4, layout="quad"), layout="stereo"),
    _row("2.1", heard("a.mkv", *FLAC, channels=3, layout="2.1"), layout="stereo"),
    _row("six channels without a layout", heard("a.mov", *PCM, channels=6), layout="stereo"),
    _row("nine channels without a layout", heard("a.mkv", *PCM, channels=9), layout="stereo"),
    _row(
        "a sphere of sound",
        heard("a.mkv", *SPHERE, channels=4, layout="ambisonic 1"),
        layout="stereo",
    ),
    _row("96 kHz", heard("a.mkv", *FLAC, rate=96_000, channels=2), layout="stereo"),
    _row("192 kHz, 24 bits", heard("a.mov", "-c:a", "pcm_s24le", rate=192_000), layout="mono"),
    _row("44.1 kHz", heard("a.mp4", rate=44_100)),
    _row("22.05 kHz", heard("a.mp4", rate=22_050)),
    _row("8 kHz", heard("a.avi", *PCM, rate=8000)),
    _row("11.025 kHz, 8 bits", heard("a.avi", "-c:a", "pcm_u8", rate=11_025)),
    _row("two languages", tongues("a.mp4", "eng", "fra"), sounds=("en", "fr")),
    _row(
        "three languages, the second is the default",
        tongues("a.mkv", "eng", "deu", "jpn", default=1),
        sounds=("de", "en", "ja"),
    ),
    _row("two tracks that name no language", tongues("a.mp4", "", ""), sounds=(None, None)),
    _row(
        "two tracks of one language",
        tongues("a.mkv", "eng", "eng", coded=FLAC),
        sounds=("en", "en"),
    ),
    _row("a language nobody knows", tongues("a.mkv", "qaa", "x-klingon")),
    Row(
        "no sound",
        lambda folder: encode(folder / "a.mp4", audio=None),
        Expect(frames=75, seconds=3, patches=Patches(), moments=CLIP.moments, silent=True),
    ),
    Row(
        "silence",
        lambda folder: encode(folder / "a.mp4", sound=MUTE),
        Expect(frames=75, seconds=3, patches=Patches(), moments=CLIP.moments, layout="stereo"),
    ),
    Row(
        "sound shorter than the picture",
        short("a.mp4"),
        Expect(frames=100, seconds=4, patches=Patches(), moments=Clip(seconds=4).moments),
    ),
    Row(
        "sound shorter than the picture, WMV",
        short("a.wmv", "-c:v", "wmv2", "-c:a", "wmav2"),
        Expect(frames=100, seconds=4.046, patches=Patches()),
    ),
    *(
        Row(
            f"sound shorter than the picture, that begins late, {name.partition('.')[2]}",
            late(name),
            Expect(beeps=LATE.moments[6:8]),
        )
        for name in ("a.mkv", "a.nut", "a.ts")
    ),
    *(
        Row(
            f"sound that begins after eight seconds, {name.partition('.')[2]}",
            make,
            Expect(beeps=LATE.moments[8:]),
        )
        for name, make in (
            ("a.ts", late("a.ts", 8)),
            ("a.mpg", late("a.mpg", 8, *MPEG2_MP2)),
            ("a.vob", late("a.vob", 8, MPEG2_MP2[0], ("-c:a", "pcm_dvd", "-ac", "2"))),
        )
    ),
    *(
        Row(
            f"a part with nothing of the sound, {part.start}-{part.end}, {name}",
            late(name),
            Expect(frames=30, seconds=1.2, patches=Patches(), layout="mono"),
            small().model_copy(update={"trim": part}),
        )
        for name in ("a.mp4", "a.mkv", "a.ts")
        for part in (TrimSettings(start="1s", end="2.2s"), TrimSettings(start="8.4s", end="9.6s"))
    ),
    Row(
        "a picture that is not used goes on after all else, mkv",
        two_lengths,
        Expect(frames=75, patches=Patches(), sync=True, moments=CLIP.moments, told="further"),
    ),
    _row("sound that begins late in fragments, mp4", in_fragments),
    Row(
        "sound that goes on after the picture, made live, mkv",
        outlasting("a.mkv", 3, 6, "-live", "1"),
        Expect(frames=75, seconds=6, patches=Patches(), moments=CLIP.moments),
    ),
    *(
        Row(
            f"sound that goes on after the picture, {name.partition('.')[2]}",
            outlasting(name, 3),
            Expect(frames=75, seconds=6, patches=Patches(), moments=CLIP.moments),
        )
        for name in ("a.mp4", "a.mkv", "a.ts")
    ),
    Row(
        "sound that goes on after a single frame",
        outlasting("a.mp4", 0.04),
        Expect(frames=60, seconds=6, times=tuple(n / 10 for n in range(60)), layout="mono"),
    ),
    Row(
        "sound that goes on after the picture, AVI with PCM",
        lambda folder: encode(
            folder / "a.avi", CLIP, video=MJPEG, audio=PCM, sound=LONG.sound(rate=44_100)
        ),
        Expect(frames=75, seconds=6, patches=Patches(), moments=CLIP.moments),
    ),
    Row(
        "sound that goes on for long after the picture",
        outlasting("a.mp4", 3, 30),
        Expect(seconds=30, times=HELD, patches=Patches(), moments=CLIP.moments),
    ),
    Row(
        "sound that goes on after a picture of four frames",
        single("a.mkv", 25, shown=Clip(seconds=0.16)),
        Expect(
            seconds=6,
            times=(0, 0.04, 0.08, *(0.12 + n / 10 for n in range(59))),
            layout="mono",
        ),
    ),
    *(
        Row(
            f"a single frame to sound, on a clock of {name}",
            make,
            Expect(frames=60, seconds=6, times=tuple(n / 10 for n in range(60)), layout="mono"),
        )
        for name, make in COARSE.items()
    ),
    Row(
        "a single frame to longer sound",
        single("a.mkv", 25, audio=FLAC, heard=TALK),
        Expect(seconds=30, times=SELDOM_OFTEN, layout="mono"),
    ),
    Row(
        "a part of the sound that a single frame is shown to",
        single("a.mkv", 25, audio=FLAC, heard=TALK),
        Expect(seconds=25, times=(*range(17), *(17 + n / 10 for n in range(80))), layout="mono"),
        small().model_copy(update={"trim": TrimSettings(start="3s", end="28s")}),
    ),
    _row("sound with a hole", broken),
    _row("cover art before the film", covered),
    _alone("sound alone, AAC", alone("a.m4a", *AAC)),
    _alone("sound alone, 5.1", alone("a.mka", *FLAC, channels=6)),
    _alone("sound alone, nine channels", alone("a.wav", channels=9)),
    _alone("sound alone, mono", alone("a.wav", channels=1)),
    _alone(
        "sound alone, MP3 with cover art",
        alone("a.mp3", "-c:a", "libmp3lame", cover=True),
        poster=True,
    ),
    _alone("sound alone, M4A with cover art", alone("a.m4a", *AAC, cover=True), poster=True),
    _alone("sound alone, FLAC with cover art", alone("a.flac", *FLAC, cover=True), poster=True),
    _alone("sound alone, in MP4", alone("a.mp4", *AAC)),
    _alone("sound alone, in MPEG-TS", alone("a.ts", *AAC)),
    Row("sound alone, recorded live", live, Expect(beeps=TALK.moments)),
    Row("sound alone, MP3s joined with their tags", joined, Expect(poster=True)),
    Row(
        "sound alone that begins late, Opus",
        begun_late,
        Expect(beeps=tuple(at - 7 for at in LATE.moments[7:])),
    ),
    _alone("sound alone, in WebM", alone("a.webm", "-c:a", "libopus")),
)
