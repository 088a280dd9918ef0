from __future__ import annotations

from pathlib import Path
from typing import Any

import ffmpeg
import pytest

from pipeline.plan.channels import placed, unplaced
from pipeline.plan.posters import sound_argv
from pipeline.plan.renditions import sounds
from pipeline.settings.profiles import AudioSettings
from tests.unit.plan.sources import record, sound, source


def mixed(**facts: Any) -> str:
    """Give the graph that a track is read by."""
    track = placed(ffmpeg.input("x")["a:0"], sound(**facts))
    return " ".join(ffmpeg.compile(ffmpeg.output(track, "y")))


@pytest.mark.parametrize(
    ("layout", "channels"),
    [("stereo", 2), (None, 2), (None, 6), ("7.1.4", 12), (None, 16), ("9 channels (FL+FR+…)", 9)],
)
def test_channels_whose_places_are_known_or_usual_are_left_to_ffmpeg(
    layout: str | None, channels: int
) -> None:
    assert not unplaced(sound(channel_layout=layout, channels=channels))
    assert "pan" not in mixed(channel_layout=layout, channels=channels)


@pytest.mark.parametrize("layout", [None, "unknown"])
def test_the_inputs_of_a_recorder_go_left_and_right_in_turn(layout: str | None) -> None:
    graph = mixed(channel_layout=layout, channels=9)
    assert "pan=stereo|c0<c0+c2+c4+c6+c8|c1<c1+c3+c5+c7" in graph


def test_of_a_sphere_what_is_more_to_the_left_is_heard_there() -> None:
    assert "pan=stereo|c0<0.5*c0+0.5*c1|c1<0.5*c0-0.5*c1[" in mixed(
        channel_layout="ambisonic 1", channels=4
    )
    assert "pan=stereo|c0<0.5*c0+0.5*c1+c4|c1<0.5*c0-0.5*c1+c5" in mixed(
        channel_layout="ambisonic 1+stereo", channels=6
    )


def test_there_is_no_surround_sound_of_channels_without_places() -> None:
    wanted = AudioSettings(surround=True)
    film = source(audio=(sound(channels=9), sound(2, channels=4, channel_layout="ambisonic 1")))
    assert [one.channels for one in sounds(film, wanted)] == [2, 2]
    assert [one.channels for one in sounds(source(audio=(sound(channels=6),)), wanted)] == [2, 6]


def test_the_poster_of_a_sound_is_drawn_of_its_stereo() -> None:
    argv = sound_argv(Path("/ffmpeg"), record(sound(0, channels=9)), Path("/poster.jpg"))
    graph = argv[argv.index("-filter_complex") + 1]
    assert graph.index("pan=stereo") < graph.index("aformat=channel_layouts=mono")
