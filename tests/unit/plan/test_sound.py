from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from pipeline.plan.sound import Loudness, heard, measure_argv, read_loudness
from pipeline.plan.source import Pause
from pipeline.settings.profiles import AudioSettings, Profile
from tests.unit.plan.sources import plan, sound, source

PRINTED = """[Parsed_loudnorm_1 @ 0x55] [info]
{
	"input_i" : "-27.61",
	"input_tp" : "-4.47",
	"input_lra" : "18.06",
	"input_thresh" : "-39.20",
	"output_i" : "-22.03",
	"output_tp" : "-2.00",
	"output_lra" : "14.78",
	"output_thresh" : "-32.89",
	"normalization_type" : "dynamic",
	"target_offset" : "-0.97"
}
"""
LEVEL = Profile(audio=AudioSettings(loudness=-23))


def chain_of(**facts: Any) -> str:
    """Give the filters of a track with these facts, as ffmpeg is told of them."""
    import ffmpeg

    made = plan(source(audio=(sound(**facts),)))
    stream = heard(ffmpeg.input("x"), made, made.sounds, {})["audio"]
    argv = ffmpeg.compile(ffmpeg.output(stream, "y"))
    return str(argv[argv.index("-filter_complex") + 1])


def test_the_first_pass_is_read_from_what_ffmpeg_printed() -> None:
    assert read_loudness(f"noise {{}}\n{PRINTED}more") == Loudness(
        integrated=-27.61, range=18.06, true_peak=-4.47, threshold=-39.2, offset=-0.97
    )


def test_silence_has_no_loudness() -> None:
    assert read_loudness(PRINTED.replace("-27.61", "-inf")) is None


def test_a_pass_that_printed_nothing_is_an_error() -> None:
    with pytest.raises(ValueError, match="no measurement"):
        read_loudness("Conversion failed!")


def test_the_first_pass_measures_what_the_second_will_change() -> None:
    made = plan(source(audio=(sound(1, channels=6),)), LEVEL)
    argv = measure_argv(Path("/ffmpeg"), made, made.sounds[0])
    chain = argv[argv.index("-filter_complex") + 1]
    assert "aformat=channel_layouts=stereo" in chain
    assert "loudnorm=I=-23:LRA=20:TP=-1.5:print_format=json" in chain
    assert argv[argv.index("-f") + 1] == "null" or "null" in argv


def test_measuring_needs_a_loudness_to_aim_at() -> None:
    made = plan(source(audio=(sound(),)))
    with pytest.raises(ValueError, match="no loudness"):
        measure_argv(Path("/ffmpeg"), made, made.sounds[0])


def test_the_gain_of_what_is_always_as_loud_stays_the_same() -> None:
    import ffmpeg

    made = plan(source(audio=(sound(),)), LEVEL)
    even = Loudness(integrated=-20, range=0, true_peak=-3, threshold=-30, offset=0)
    stream = heard(ffmpeg.input("x"), made, made.sounds, {"audio": even})["audio"]
    assert "measured_LRA=0.01" in " ".join(ffmpeg.compile(ffmpeg.output(stream, "y")))


@pytest.mark.parametrize(
    ("jitter_s", "apart"), [(None, "0.1"), (0.0, "0.015"), (0.035, "0.05"), (0.2, "0.1")]
)
def test_sound_is_filled_and_cut_where_it_is_off_by_more_than_its_jitter(
    jitter_s: float | None, apart: str
) -> None:
    assert re.search(rf"min_hard_comp={apart}\b", chain_of(jitter_s=jitter_s))


def test_sound_whose_first_packet_comes_early_is_put_in_its_place() -> None:
    assert "PTS+0.020000/TB" in chain_of(jitter_s=0.04, early_s=0.02)
    assert "asetpts" not in chain_of(jitter_s=0.0)


def test_what_comes_after_a_pause_comes_as_much_later() -> None:
    pauses = (Pause(after_s=0.024, length_s=1.25), Pause(after_s=2, length_s=0.5))
    late = "PTS+(1.250000*gte(T\\,0.022000)+0.500000*gte(T\\,1.998000))/TB"
    assert late in chain_of(pauses=pauses).replace("\\\\", "\\")


def test_packets_without_a_time_of_their_own_follow_each_other_after_a_pause() -> None:
    chain = chain_of(in_row=True, pauses=(Pause(after_s=0, length_s=1),))
    assert chain.index("asetpts=STARTPTS+N/SR/TB") < chain.index("gte(T")


def test_packets_in_bursts_follow_the_first_when_it_should_have_come() -> None:
    chain = chain_of(in_row=True, early_s=0.03)
    assert "asetpts=STARTPTS+0.030000/TB+N/SR/TB" in chain
    assert "eq(N" not in chain


def test_silence_is_left_as_it_is() -> None:
    import ffmpeg

    made = plan(source(audio=(sound(),)), LEVEL)
    stream = heard(ffmpeg.input("x"), made, made.sounds, {"audio": None})["audio"]
    assert "loudnorm" not in " ".join(ffmpeg.compile(ffmpeg.output(stream, "y")))
