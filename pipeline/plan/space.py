"""Space: how many bytes a step will need, so that a disk that is too full is seen before the work.

What encoding makes can only be guessed: these are the sizes of ordinary pictures. What packaging
makes is known, for it only rearranges what was encoded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

    from pipeline.plan.encodes import EncodeUnit
    from pipeline.plan.plan import Plan
    from pipeline.plan.renditions import VideoRendition
    from pipeline.settings.profiles import VideoCodec

#: What is left free beside the results, bytes: indexes, playlists, logs, and what others write.
RESERVE = 1 << 20
#: Bits a pixel that H.264 takes for ordinary pictures at a CRF of 23.
BITS_A_PIXEL = 0.1
USUAL_CRF = 23
#: A step of so many in CRF halves the bits (x264's own rule of thumb), in any codec's scale.
CRF_HALVES = 6
#: Share of H.264's bits that a codec takes at its own usual CRF.
SHARE: dict[VideoCodec, float] = {"h264": 1.0, "hevc": 0.7, "av1": 0.6, "vp9": 0.7}
#: Frames a second of a source that does not say.
USUAL_RATE = 30.0
#: Bytes a pixel that a poster takes at most, as JPEG of good quality.
POSTER_BYTES_A_PIXEL = 1


def encode_bytes(plan: Plan, unit: EncodeUnit) -> int:
    """Guess how many bytes the results of a unit take, with the reserve."""
    pictures = sum(_video_bits(plan, one) for one in plan.videos if one.name in unit.renditions)
    sounds = sum(one.bitrate for one in plan.sounds if one.name in unit.renditions)
    end_s = plan.end_s if unit.end_s is None else unit.end_s
    start_s = plan.start_s if unit.start_s is None else unit.start_s
    return round((pictures + sounds) * (end_s - start_s) / 8) + RESERVE


def _video_bits(plan: Plan, rendition: VideoRendition) -> float:
    """Guess the bits a second of a rendition."""
    video = plan.source.video
    rate = float((video.average_rate if video else None) or USUAL_RATE)
    cheaper = 2 ** ((USUAL_CRF - rendition.crf) / CRF_HALVES)
    bits = BITS_A_PIXEL * rendition.width * rendition.height * rate
    guess = bits * cheaper * SHARE[rendition.codec]
    return min(guess, rendition.max_bitrate) if rendition.max_bitrate else guess


def poster_bytes(plan: Plan) -> int:
    """Tell how many bytes the poster takes at most, with the reserve."""
    source = plan.source
    pixels = source.display_width * source.display_height if source.video else 0
    return pixels * POSTER_BYTES_A_PIXEL + RESERVE


def package_bytes(plan: Plan, encoded: Collection[int]) -> int:
    """Tell how many bytes the output folder takes, made of files of so many bytes.

    Each is there once in segments and once as a file of its own, as far as the profile asks.
    """
    packages = plan.profile.package
    copies = ("hls" in packages or "dash" in packages) + ("mp4" in packages)
    return sum(encoded) * copies + RESERVE
