"""The ladder: which sizes are made of a source. It never upscales and keeps the shape."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.plan.source import Fact

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pipeline.plan.source import Source


class Rung(Fact):
    """One size of the ladder, named by its shorter side; width and height in even pixels."""

    name: str
    width: int
    height: int

    @property
    def pixels(self) -> int:
        """Pixels of one frame."""
        return self.width * self.height


def ladder(source: Source, sides: Iterable[int]) -> tuple[Rung, ...]:
    """Choose the rungs, largest first: each of `sides` that the source's shorter side reaches.

    A source smaller than all of them gets one rung of its own size. Sides become even: 4:2:0
    keeps colour for every second pixel only.
    """
    width, height = source.display_width, source.display_height
    if not width or not height:
        return ()
    shorter = min(width, height)
    fitting = sorted({side for side in sides if side <= shorter}, reverse=True)
    return tuple(_rung(width, height, side) for side in fitting or [shorter])


def _rung(width: int, height: int, side: int) -> Rung:
    even_side = _even(side)
    # The longer side follows the side as it is made, so that one line less keeps the shape; a
    # single line is doubled, but a long one does not become longer. Dividing last keeps the shape
    # to the pixel, also of very long pictures.
    made = min(side, even_side)
    if width >= height:
        size = min(_nearest_even(width * made, height), _even(width)), even_side
    else:
        size = even_side, min(_nearest_even(height * made, width), _even(height))
    return Rung(name=f"{side}p", width=size[0], height=size[1])


def _even(value: int) -> int:
    """Give the even number at or below `value`, at least 2."""
    return max(2, value - value % 2)


def _nearest_even(numerator: int, denominator: int) -> int:
    return max(2, 2 * round(numerator / (2 * denominator)))
