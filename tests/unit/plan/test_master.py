from __future__ import annotations

from fractions import Fraction

import pytest

from pipeline.plan.bandwidth import Rates
from pipeline.plan.master import attributes, with_rates
from pipeline.settings.profiles import Profile, VideoSettings
from tests.unit.plan.sources import plan, sound, source

MASTER = """#EXTM3U

#EXT-X-MEDIA:TYPE=AUDIO,URI="audio.m3u8",GROUP-ID="audio",NAME="a, b"
#EXT-X-MEDIA:TYPE=AUDIO,URI="audio-fra.m3u8",GROUP-ID="audio",NAME="fra"
#EXT-X-MEDIA:TYPE=SUBTITLES,URI="subtitles-1.m3u8",GROUP-ID="subtitles",NAME="x"
#EXT-X-STREAM-INF:BANDWIDTH=1,AVERAGE-BANDWIDTH=9,CODECS="vp09,mp4a.40.2",RESOLUTION=2x2,\
FRAME-RATE=24.390,AUDIO="audio",SUBTITLES="subtitles"
240p.m3u8
#EXT-X-STREAM-INF:BANDWIDTH=1,CODECS="hvc1",RESOLUTION=2x2
240p-hdr.m3u8
#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=1,CODECS="vp09",RESOLUTION=2x2,URI="240p-iframe.m3u8"
"""
RATES = {
    "audio.m3u8": Rates(10, 9),
    "audio-fra.m3u8": Rates(20, 8),
    "subtitles-1.m3u8": Rates(2, 1),
    "240p.m3u8": Rates(1000, 900),
    "240p-iframe.m3u8": Rates(100, 90),
    "240p-hdr.m3u8": Rates(2000, 1900),
}


def _lines(transfer: str, rate: Fraction | None = Fraction(24)) -> list[dict[str, str]]:
    video = VideoSettings(ladder=(240,), codec=("vp9", "hevc"), hdr=True)
    made = plan(source(audio=(sound(),), color_transfer=transfer), Profile(video=video))
    told = with_rates(MASTER, made, RATES, rate)
    return [attributes(line) for line in told.splitlines() if "-INF:" in line]


def test_a_variant_takes_what_its_picture_and_the_largest_of_its_groups_take() -> None:
    variant, hdr, frames = _lines("smpte2084")
    assert (variant["BANDWIDTH"], variant["AVERAGE-BANDWIDTH"]) == ("1022", "910")
    assert (hdr["BANDWIDTH"], hdr["AVERAGE-BANDWIDTH"]) == ("2000", "1900")
    assert (frames["BANDWIDTH"], frames["AVERAGE-BANDWIDTH"]) == ("100", "90")
    assert variant["CODECS"] == '"vp09,mp4a.40.2"'


@pytest.mark.parametrize(("transfer", "word"), [("smpte2084", "PQ"), ("arib-std-b67", "HLG")])
def test_the_light_of_every_picture_is_told(transfer: str, word: str) -> None:
    assert [line["VIDEO-RANGE"] for line in _lines(transfer)] == ["SDR", word, "SDR"]


def test_the_frame_rate_is_the_real_one_and_images_alone_have_none() -> None:
    assert [line.get("FRAME-RATE") for line in _lines("smpte2084")] == ["24.000", "24.000", None]


def test_without_a_rate_what_was_said_stays() -> None:
    assert [line.get("FRAME-RATE") for line in _lines("smpte2084", None)] == ["24.390", None, None]


def test_the_version_is_told_once() -> None:
    made = plan()
    twice = with_rates(with_rates("#EXTM3U\n", made, {}, None), made, {}, None)
    assert twice == "#EXTM3U\n#EXT-X-VERSION:6\n"


def test_sound_alone_takes_what_the_largest_of_it_takes_once() -> None:
    listed = """#EXTM3U
#EXT-X-MEDIA:TYPE=AUDIO,URI="audio.m3u8",GROUP-ID="audio",NAME="a"
#EXT-X-MEDIA:TYPE=AUDIO,URI="audio-fra.m3u8",GROUP-ID="audio",NAME="fra"
#EXT-X-STREAM-INF:BANDWIDTH=1,CODECS="mp4a.40.2",AUDIO="audio"
audio.m3u8
"""
    told = with_rates(listed, plan(), RATES, None)
    (variant,) = (attributes(line) for line in told.splitlines() if "-INF:" in line)
    assert (variant["BANDWIDTH"], variant["AVERAGE-BANDWIDTH"]) == ("20", "9")
