"""Options of each encoder, from the same few wishes: quality, cap, speed, key frames."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipeline.plan.hardware import hardware_options, kind_of
from pipeline.plan.holding import held, hold_options, is_slow, is_still, shown_again
from pipeline.plan.light import svt_light, x265_light
from pipeline.plan.pausing import end_options, ticks
from pipeline.plan.spans import asked_for

if TYPE_CHECKING:
    from pipeline.plan.plan import Plan
    from pipeline.plan.renditions import SoundRendition, VideoRendition
    from pipeline.settings.profiles import Encoder, Preset, SoundCodec, VideoCodec

#: Clock ticks a second of the video tracks we write: every usual frame rate is exact in it.
TIMESCALE = 90_000
#: ffmpeg's encoders by codec and by what does the work.
ENCODERS: dict[VideoCodec, dict[Encoder, str]] = {
    "h264": {
        "cpu": "libx264",
        "nvenc": "h264_nvenc",
        "vaapi": "h264_vaapi",
        "qsv": "h264_qsv",
    },
    "hevc": {
        "cpu": "libx265",
        "nvenc": "hevc_nvenc",
        "vaapi": "hevc_vaapi",
        "qsv": "hevc_qsv",
    },
    "av1": {
        "cpu": "libsvtav1",
        "nvenc": "av1_nvenc",
        "vaapi": "av1_vaapi",
        "qsv": "av1_qsv",
    },
    "vp9": {"cpu": "libvpx-vp9", "vaapi": "vp9_vaapi", "qsv": "vp9_qsv"},
}
SOUND_ENCODERS: dict[SoundCodec, str] = {"aac": "aac", "opus": "libopus"}
#: The profile's words for speed on the scales of SVT-AV1 (13 is fastest) and libvpx (8 is).
SVT_PRESETS: dict[Preset, int] = {
    "ultrafast": 12,
    "superfast": 11,
    "veryfast": 10,
    "faster": 9,
    "fast": 8,
    "medium": 7,
    "slow": 5,
    "slower": 4,
    "veryslow": 2,
}
VPX_SPEEDS: dict[Preset, int] = {
    "ultrafast": 8,
    "superfast": 7,
    "veryfast": 6,
    "faster": 5,
    "fast": 4,
    "medium": 3,
    "slow": 2,
    "slower": 1,
    "veryslow": 0,
}
#: A distance of key frames in frames that is never reached: only times decide.
NEVER = 100_000


def picture_options(
    plan: Plan, video: VideoRendition, encoder: str, threads: int
) -> dict[str, Any]:
    """Give the options of one picture's output: key frames come at the same times in all of them.

    `threads` are x264's; other encoders share the cores by themselves.

    The delay of B-frames is left to the edit list that ffmpeg writes and the packager hands on.
    Chromium and ffmpeg then show picture and sound together to the sample. With
    `-movflags negative_cts_offsets`, which needs no edit list, ffmpeg's HLS reader was 80 ms off.
    """
    hold = held(plan)
    # A still costs little but its key frames: it has no more than segments.
    every_s = plan.profile.video.gop_seconds if not is_still(plan) else plan.segment_s
    return {
        "c:v": encoder,
        **_of_encoder(plan, video, encoder),
        **({"threads:v": threads} if encoder == "libx264" else {}),
        "force_key_frames": asked_for(every_s, hold and hold.after_s),
        **(hold_options(hold) or end_options(plan)),
        "fps_mode": "passthrough",
        **({"bf": 0} if is_slow(plan) or ticks(plan) else {}),
        # What is shown again, and a part, has a clock of its own, not the source's.
        "enc_time_base": "filter" if shown_again(plan) or plan.profile.trim else "demux",
        "video_track_timescale": TIMESCALE,
        "map_metadata": -1,
        "map_chapters": -1,
        "f": "mp4",
    }


def _of_encoder(plan: Plan, video: VideoRendition, encoder: str) -> dict[str, Any]:
    preset = plan.profile.video.preset
    quality: dict[str, Any] = {"crf": video.crf, **_cap(plan, video)}
    graded = plan.source.video if video.hdr else None
    match encoder:
        case "libx264":
            # No other key frames than those asked for: at scene cuts and by count they would
            # differ by rung.
            fixed = {"sc_threshold": 0, "g": longest_gop(plan), "flags": "+cgop"}
            return {"preset": preset, **quality, "profile:v": "high", **fixed}
        case "libx265":
            fixed_gop = "scenecut=0:open-gop=0:min-keyint=1"
            return {
                "preset": preset,
                **quality,
                "g": longest_gop(plan),
                "forced-idr": 1,
                "x265-params": f"log-level=error:{fixed_gop}{x265_light(graded)}",
                "tag:v": "hvc1",  # parameter sets in the header, as Apple's players want them
            }
        case "libsvtav1":
            return {
                "preset": SVT_PRESETS[preset],
                **quality,
                "g": NEVER,
                "svtav1-params": f"scd=0{svt_light(graded)}",
            }
        case "libvpx-vp9":
            return {
                "deadline": "good",
                "cpu-used": VPX_SPEEDS[preset],
                "row-mt": 1,
                "crf": video.crf,
                "b:v": video.max_bitrate or 0,
                "g": NEVER,
            }
    kind = kind_of(encoder)
    if kind is None:
        raise ValueError(f"no options are known for the encoder {encoder}")
    return hardware_options(
        kind,
        video.codec,
        quality=video.crf,
        preset=preset,
        gop=longest_gop(plan),
        max_bitrate=video.max_bitrate,
        buffer_seconds=plan.profile.video.buffer_seconds,
    )


def _cap(plan: Plan, video: VideoRendition) -> dict[str, Any]:
    if video.max_bitrate is None:
        return {}
    buffer = round(video.max_bitrate * plan.profile.video.buffer_seconds)
    return {"maxrate": video.max_bitrate, "bufsize": buffer}


def longest_gop(plan: Plan) -> int:
    """Give a key frame distance in frames that only the forced times can undercut."""
    video = plan.source.video
    rate = max((video.nominal_rate or 0, video.average_rate or 0)) if video else 0
    return max(250, int(2 * float(rate) * plan.profile.video.gop_seconds) + 1)


def pixel_format(video: VideoRendition) -> str:
    """Choose how a picture's pixels are coded: 4:2:0, in eight bits, or ten for HDR."""
    return "yuv420p10le" if video.hdr else "yuv420p"


def sound_options(sound: SoundRendition) -> dict[str, Any]:
    """Give the options of one sound's output."""
    return {
        "c:a": SOUND_ENCODERS[sound.codec],
        "b:a": sound.bitrate,
        "ar": sound.sample_rate,
        "map_metadata": -1,
        **({"metadata:s:a:0": f"language={sound.language}"} if sound.language else {}),
        "map_chapters": -1,
        "f": "mp4",
    }
