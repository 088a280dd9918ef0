"""The size of pictures of ours is read from their heads, and only whole ones count."""

from __future__ import annotations

import pytest

from pipeline.plan.pictures import picture_size

COMMENT = b"\xff\xfe\x00\x06four"
#: A frame of 8 bits, 90 lines of 160 pixels, baseline or progressive.
FRAME = b"\x00\x0b\x08\x00\x5a\x00\xa0\x01\x01\x11\x00"
REST = b"\xff\xda\x00\x08\x01\x01\x00\x00\x3f\x00picture\xff\xd9"
JPEG = b"\xff\xd8" + COMMENT + b"\xff\xc0" + FRAME + REST
WEBP = (
    b"RIFF\x20\x00\x00\x00WEBPVP8 \x14\x00\x00\x00\x30\x01\x00\x9d\x01\x2a"
    b"\xa0\x00\x5a\x00" + bytes(10)
)


@pytest.mark.parametrize("data", [JPEG, JPEG.replace(b"\xff\xc0", b"\xff\xc2"), WEBP])
def test_the_size_of_a_picture_is_read_from_its_head(data: bytes) -> None:
    assert picture_size(data) == (160, 90)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff\xd8\xff\xd9",
        JPEG[:-1],
        b"\xff\xd8" + COMMENT + b"\xff\xd9",
        b"\xff\xd8" + COMMENT[:5] + b"\xff\xd9",
        b"\xff\xd8no mark at all\xff\xd9",
        JPEG.replace(b"\xff\xc0" + FRAME, b""),
        WEBP[:-1],
        b"GIF89a",
    ],
)
def test_what_is_no_whole_picture_has_no_size(data: bytes) -> None:
    with pytest.raises(ValueError, match="it is"):
        picture_size(data)
