"""Channels whose places nothing tells: made stereo before anything else reads them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pipeline.plan.source import AudioStream

#: So many channels without a layout are taken for the usual one; of any other number ffmpeg knows
#: none, and mixes nothing.
USUAL = frozenset({*range(1, 9), 10, 12, 14, 16, 24})
#: How ffmpeg calls sound that is kept as a sphere around the listener, and what it adds where two
#: channels more are to be heard as they are.
AMBISONIC, AND_STEREO = "ambisonic", "+stereo"


def unplaced(track: AudioStream) -> bool:
    """Whether nothing tells where the channels of a track are to be heard."""
    layout = track.channel_layout or "unknown"
    return _sphere(track) or (layout == "unknown" and track.channels not in USUAL)


def placed(heard: Any, track: AudioStream) -> Any:
    """Mix a track whose channels have no places to stereo; leave any other as it is.

    Of a sphere (ACN, SN3D) the first channel is all of it, the second what is more to the left.
    Of others, as recorders with many inputs make them, the odd ones go left, the even ones right.
    """
    if not unplaced(track):
        return heard
    if _sphere(track):
        left, right = "0.5*c0+0.5*c1", "0.5*c0-0.5*c1"
        if str(track.channel_layout).endswith(AND_STEREO):
            left += f"+c{track.channels - 2}"
            right += f"+c{track.channels - 1}"
    else:
        left, right = ("+".join(f"c{n}" for n in range(at, track.channels, 2)) for at in (0, 1))
    # `<` divides by the sum of the shares, so that nothing is too loud.
    return heard.filter("pan", f"stereo|c0<{left}|c1<{right}")


def _sphere(track: AudioStream) -> bool:
    return str(track.channel_layout).startswith(AMBISONIC)
