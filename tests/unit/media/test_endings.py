from __future__ import annotations

import pytest

from pipeline.media.endings import with_true_ends
from pipeline.media.packets import count_packets


@pytest.mark.parametrize(("packet_s", "ends_s"), [(0.04, 4.4), (5.0, 4.0)])
def test_sound_goes_on_as_long_as_its_packets_unless_those_are_absurd(
    packet_s: float, ends_s: float
) -> None:
    shown = count_packets("".join(f"{n},{n},1,9,0,K__\n" for n in range(3)))
    heard = "".join(f"{n * packet_s},{n * packet_s},{packet_s},9,0,K__\n" for n in range(110))
    told = {
        "format": {"format_name": "avi", "duration": "4.0"},
        "streams": [{"codec_type": "audio", "duration": "4.0"}],
    }
    found = with_true_ends(told, shown, lambda _: count_packets(heard))
    assert float(found["streams"][0]["duration"]) == pytest.approx(ends_s)
    assert float(found["format"]["duration"]) == pytest.approx(ends_s)
