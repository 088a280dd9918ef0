"""Transparency: what of a picture is transparent, and whether it can be told here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.media.capabilities import decoders

if TYPE_CHECKING:
    from pipeline.media.tools import Tools
    from pipeline.plan.source import Source

#: Codecs whose transparent parts only another library's decoder tells, by ffmpeg's names.
TELLING = {"vp8": "libvpx", "vp9": "libvpx-vp9"}
#: What has no more than a mark for "as before", in almost every file, and is not told of.
USUALLY = frozenset({"gif"})
SHOWN = "its transparent parts, if it has any, are shown in black"
UNKNOWN = "this ffmpeg can't tell which parts of it are transparent (it lacks the decoder {})"


def with_transparency(tools: Tools, source: Source) -> Source:
    """Give the source with the decoder that its transparent parts need, and a note of them."""
    video = source.video
    if video is None or not video.transparent:
        return source
    decoder = TELLING.get(video.codec)
    if decoder is not None and decoder not in decoders(tools.ffmpeg):
        shown = video.model_copy(update={"transparent": False})
        return source.model_copy(
            update={"video": shown, "left_out": (*source.left_out, UNKNOWN.format(decoder))}
        )
    said = () if video.codec in USUALLY else (SHOWN,)
    return source.model_copy(
        update={
            "video": video.model_copy(update={"decoder": decoder}),
            "left_out": (*source.left_out, *said),
        }
    )
