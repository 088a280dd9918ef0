from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pipeline.media.announced import cut_short
from pipeline.media.packets import Packets, count_packets


def lasting(seconds: float) -> Packets:
    return count_packets(
        "".join(f"{n / 25},{n / 25},0.04,9,0,K_\n" for n in range(round(seconds * 25)))
    )


def told(**own: str) -> dict[str, Any]:
    pictures = [
        {"index": index, "codec_type": "video", "tags": {"DURATION": own[name]}}
        for index, name in enumerate(own)
    ]
    return {"format": {"format_name": "matroska,webm", "duration": "6"}, "streams": pictures}


@pytest.mark.parametrize(
    ("main", "holds_s", "missing"),
    [
        ("00:00:03.000000000", 3, ""),
        ("00:00:06.000000000", 3, "its picture breaks off after 3.0 of its 6.0 seconds"),
        # Longer than its file: a tag that was copied from another.
        ("01:00:00.000000000", 3, ""),
    ],
)
def test_a_further_picture_does_not_hide_what_is_lost_of_the_first(
    tmp_path: Path, main: str, holds_s: float, missing: str
) -> None:
    (tmp_path / "a.mkv").touch()
    found = told(main=main, other="00:00:06.000000000")
    first = found["streams"][0]
    said, _ = cut_short(
        tmp_path / "a.mkv",
        found,
        first,
        lasting(holds_s),
        lambda one: lasting(6 if one["index"] else 3),
    )
    assert said == missing


def test_a_picture_that_nobody_ended_does_not_tell_how_long_the_file_is(tmp_path: Path) -> None:
    (tmp_path / "a.mkv").touch()
    found = told(main="00:00:03.000000000")
    found["format"]["duration"] = "4294967.295000"
    said = cut_short(
        tmp_path / "a.mkv", found, found["streams"][0], lasting(3), lambda _: lasting(3)
    )
    assert said == ("", 3.0)
