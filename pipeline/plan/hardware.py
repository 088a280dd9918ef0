"""Hardware encoders: what each kind takes, its options, and the trial that tells whether it works.

Options were checked against ffmpeg's own lists; what a driver makes of them is found out by the
trial at the worker's start, by the verification of every rendition, and by the way back to the
processor.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import ffmpeg

from pipeline.plan.commands import QUIET, compiled
from pipeline.settings.profiles import WORST_CRF

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from pipeline.plan.renditions import VideoRendition
    from pipeline.settings.profiles import Preset, VideoCodec

Hardware = Literal["nvenc", "qsv", "vaapi"]
#: In the order in which `auto` prefers them; a chip of Intel's answers to the last two.
KINDS: tuple[Hardware, ...] = ("nvenc", "qsv", "vaapi")
#: Drivers refuse small pictures. Both sides of the trial's picture, pixels: what is smaller than
#: what was tried is left to the processor, for which it is little work.
SMALLEST_SIDE = 256
#: The longest side of H.264 that cards take, and of the other codecs, pixels.
LONGEST_H264_SIDE = 4096
LONGEST_SIDE = 8192
#: Frames of a trial: more than an encoder keeps back, so that some must come out.
TRIAL_FRAMES = 10
NVENC_PRESETS: dict[Preset, str] = {
    "ultrafast": "p1",
    "superfast": "p1",
    "veryfast": "p2",
    "faster": "p3",
    "fast": "p3",
    "medium": "p4",
    "slow": "p5",
    "slower": "p6",
    "veryslow": "p7",
}
#: Quick Sync knows the slower ones by the same names.
QSV_PRESETS: dict[Preset, str] = {"ultrafast": "veryfast", "superfast": "veryfast"}
#: The worst quality of VAAPI's scales; those of AV1 and VP9 are quantizer indices.
WORST_QP: dict[VideoCodec, int] = {"h264": 51, "hevc": 51, "av1": 255, "vp9": 255}
#: The average bitrate where a cap takes the place of a quality, as a share of the cap.
AVERAGE_OF_CAP = 0.75


def encoder_name(kind: Hardware, codec: VideoCodec) -> str:
    """Give ffmpeg's name of an encoder; whether there is one, `codecs.ENCODERS` tells."""
    return f"{codec}_{kind}"


def kind_of(encoder: str) -> Hardware | None:
    """Tell which kind of hardware an encoder of ffmpeg's uses; None for the processor."""
    return next((kind for kind in KINDS if encoder.endswith(f"_{kind}")), None)


def takes(video: VideoRendition) -> bool:
    """Whether a card that encodes the picture's codec takes a picture like this one.

    Ten bits would need a trial of their own; HDR stays with the processor.
    """
    longest = LONGEST_H264_SIDE if video.codec == "h264" else LONGEST_SIDE
    sides = video.width, video.height
    return not video.hdr and min(sides) >= SMALLEST_SIDE and max(sides) <= longest


def small(video: VideoRendition) -> bool:
    """Whether the picture is so small that the processor encodes it on the way."""
    return min(video.width, video.height) < SMALLEST_SIDE and not video.hdr


def hardware_options(
    kind: Hardware,
    codec: VideoCodec,
    *,
    quality: int,
    preset: Preset,
    gop: int,
    max_bitrate: int | None = None,
    buffer_seconds: float = 2.0,
) -> dict[str, Any]:
    """Give the options of one output: quality on the codec's own scale (CRF), cap, speed, GOP.

    Every forced key frame is one where decoding can begin, and there are no others before `gop`
    frames: no scene cuts, no open GOP. `max_bitrate` in bits a second.
    """
    capped = {}
    if max_bitrate is not None:
        capped = {"maxrate": max_bitrate, "bufsize": round(max_bitrate * buffer_seconds)}
    made = {"g": gop, **capped, **({"tag:v": "hvc1"} if codec == "hevc" else {})}
    match kind:
        case "nvenc":
            # `cq` 0 would mean that the driver chooses.
            made |= {"preset": NVENC_PRESETS[preset], "rc": "vbr", "cq": max(quality, 1), "b:v": 0}
            made |= {"forced-idr": 1, "no-scenecut": 1}
            return made | ({"profile:v": "high"} if codec == "h264" else {})
        case "qsv":
            worst = WORST_CRF[codec]
            made |= {"preset": QSV_PRESETS.get(preset, preset)}
            made |= {"global_quality": max(round(quality * 51 / worst), 1), "forced_idr": 1}
            return made | _steady_qsv(codec)
        case "vaapi":
            return made | _vaapi(codec, quality, max_bitrate)


def _steady_qsv(codec: VideoCodec) -> dict[str, Any]:
    """Forbid key frames at scene cuts; VP9 makes none by itself."""
    closed = {"flags": "+cgop"}
    return closed if codec == "vp9" else {**closed, "adaptive_i": 0, "adaptive_b": 0}


def _vaapi(codec: VideoCodec, quality: int, max_bitrate: int | None) -> dict[str, Any]:
    # Speeds have no names in common among its drivers: each keeps its own.
    made: dict[str, Any] = {"flags": "+cgop", "idr_interval": 0}
    if codec == "vp9":
        made["bf"] = 0  # its B-frames would need another filter behind the encoder
    if max_bitrate is not None:
        # Constant quality knows no cap, and a quality within a cap is what few drivers can.
        return {**made, "rc_mode": "VBR", "b:v": round(max_bitrate * AVERAGE_OF_CAP)}
    qp = max(round(quality * WORST_QP[codec] / WORST_CRF[codec]), 1)
    return {**made, "rc_mode": "CQP", "global_quality": qp}


def handed_over(picture: Any, kind: Hardware | None) -> Any:
    """Bring a picture to where its encoder takes it from: VAAPI's from the card's memory."""
    if kind is None:
        return picture
    picture = picture.filter("format", pix_fmts="nv12")
    return picture.filter("hwupload") if kind == "vaapi" else picture


def device_arguments(kinds: Iterable[Hardware | None]) -> tuple[str, ...]:
    """Give ffmpeg's arguments that open what the filters need; the encoders open their own."""
    if "vaapi" in kinds:
        return ("-init_hw_device", "vaapi=card", "-filter_hw_device", "card")
    return ()


def trial_argv(program: Path, kind: Hardware, codec: VideoCodec) -> list[str]:
    """Build the command that encodes a few frames just as a job's would be."""
    side = SMALLEST_SIDE
    origin = ffmpeg.input(f"testsrc2=size={side}x{side}:rate=25", f="lavfi")
    options = hardware_options(kind, codec, quality=28, preset="medium", gop=250)
    made = ffmpeg.output(
        handed_over(origin, kind),
        "pipe:1",
        **{"c:v": encoder_name(kind, codec), **options, "frames:v": TRIAL_FRAMES, "f": "null"},
        force_key_frames="expr:eq(n,5)",
    )
    return compiled(made.global_args(*QUIET, *device_arguments((kind,))), program)
