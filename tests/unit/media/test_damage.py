"""Damage: judged by what was decoded, and told with what ffmpeg said."""

from __future__ import annotations

import pytest

from pipeline.media.damage import losses
from pipeline.media.errors import MediaError
from tests.unit.plan.sources import plan, sound, source

LOG = "[h264 @ 0x1] [error] error while decoding MB 18 11, bytestream 295\n"
LOST = "[aist#0:1/aac @ 0x1] [error] Error submitting packet to decoder: Invalid data\n"


def test_a_few_lost_frames_are_told() -> None:
    assert losses(plan(), 248, LOG) == ("2 of 250 frames could not be decoded",)


def test_what_was_said_of_lost_frames_goes_with_the_error() -> None:
    with pytest.raises(MediaError, match="100 of its 250 frames can't be decoded") as caught:
        losses(plan(), 150, LOG)
    assert (caught.value.code, caught.value.log) == ("damaged", LOG)


def test_what_was_said_of_lost_sound_goes_with_the_error() -> None:
    with pytest.raises(MediaError, match="seconds of sound can't be decoded") as caught:
        losses(plan(source(audio=(sound(),))), 250, LOST * 100)
    assert (caught.value.code, caught.value.log) == ("damaged", LOST * 100)
