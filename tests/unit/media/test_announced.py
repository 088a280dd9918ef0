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


def test_a_long_frame_that_an_edit_list_begins_within_is_not_missing_at_the_end(
    tmp_path: Path,
) -> None:
    (tmp_path / "a.mov").touch()
    shown = "".join(f"{n / 25},{n / 25},0.04,9,0,K_\n" for n in range(75))
    picture = {"index": 0, "codec_type": "video", "start_time": "0", "duration": "4"}
    found = {"format": {"format_name": "mov,mp4"}, "streams": [picture]}
    for cut, whole in (("-1.2,-1.2,1.2,9,0,KD\n", True), ("-0.04,-0.04,0.04,9,0,KD\n", False)):
        packets = count_packets(cut + shown)
        said, _ = cut_short(
            tmp_path / "a.mov", found, picture, packets, lambda _: count_packets("")
        )
        assert (said == "") == whole
