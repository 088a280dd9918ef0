"""How work is cut into units: from the source, the profile and the workers, and nothing else."""

from __future__ import annotations

from typing import Any

import pytest

from pipeline.plan.capacity import Capacity, EncodeWorker
from pipeline.plan.encodes import EncodeUnit
from pipeline.plan.plan import Plan, make_plan
from pipeline.plan.source import Source
from pipeline.settings.profiles import Profile
from tests.unit.plan.sources import record, sound, source

CARD: dict[str, Any] = {"nvenc": ("h264", "hevc")}


def worker(name: str = "encode@a", **facts: Any) -> EncodeWorker:
    return EncodeWorker(name=name, **facts)


def planned(
    *workers: EncodeWorker, of: Source | None = None, waiting: int = 0, **video: Any
) -> Plan:
    profile = Profile.model_validate({"video": {"ladder": [720, 360, 144], **video}})
    there = Capacity(workers=workers, waiting=waiting)
    return make_plan(of or source(audio=(sound(),)), profile, there)


def shape(made: Plan) -> list[tuple[str, str, str]]:
    return [(unit.name, unit.capability, " ".join(unit.renditions)) for unit in made.units]


WHOLE = "720p 360p 144p audio"


def test_without_hardware_all_is_one_unit_on_the_processor() -> None:
    assert shape(planned()) == [("all", "cpu", WHOLE)]
    assert shape(planned(worker(slots=8))) == [("all", "cpu", WHOLE)]


@pytest.mark.parametrize("encoder", ["auto", "nvenc"])
def test_a_card_that_was_announced_takes_everything_so_that_all_is_decoded_once(
    encoder: str,
) -> None:
    made = planned(worker(), worker("encode@b", hardware=CARD), encoder=encoder)
    assert shape(made) == [("all", "nvenc", WHOLE)]
    assert made.notes == ()


@pytest.mark.parametrize(
    ("hardware", "kind"),
    [
        ({"vaapi": ("h264",)}, "vaapi"),
        ({"vaapi": ("h264",), "qsv": ("h264",)}, "qsv"),
        ({"vaapi": ("h264",), "qsv": ("h264",), "nvenc": ("hevc",)}, "qsv"),
    ],
)
def test_auto_takes_the_first_kind_that_can_do_something(hardware: Any, kind: str) -> None:
    assert [unit.capability for unit in planned(worker(hardware=hardware)).units] == [kind]


def test_the_processor_is_used_where_the_profile_says_so() -> None:
    made = planned(worker(hardware=CARD), encoder="cpu")
    assert shape(made) == [("all", "cpu", WHOLE)]
    assert made.notes == ()


@pytest.mark.parametrize("workers", [(), (worker(hardware=CARD),)])
def test_hardware_that_nobody_has_is_not_waited_for_and_it_is_said(workers: Any) -> None:
    made = planned(*workers, encoder="vaapi")
    assert shape(made) == [("all", "cpu", WHOLE)]
    assert made.notes == ("no worker can encode this with vaapi: the processor does",)


def test_what_the_card_cannot_do_is_a_unit_of_the_processor_with_the_sound() -> None:
    made = planned(worker(hardware=CARD), codec=["h264", "vp9"], encoder="nvenc")
    assert shape(made) == [
        ("nvenc", "nvenc", "720p 360p 144p"),
        ("vp9", "cpu", "720p-vp9 360p-vp9 144p-vp9 audio"),
    ]
    assert made.notes == ("720p-vp9, 360p-vp9, 144p-vp9: not for nvenc, encoded by the processor",)


def test_a_codec_counts_only_when_every_card_of_its_kind_can_do_it() -> None:
    old = worker("encode@old", hardware={"nvenc": ("h264",)})
    new = worker("encode@new", hardware={"nvenc": ("h264", "av1")})
    assert planned(old, new, codec="av1").units[0].capability == "cpu"
    assert planned(new, codec="av1").units[0].capability == "nvenc"


def test_hdr_stays_with_the_processor() -> None:
    light = source(color_transfer="smpte2084", pix_fmt="yuv420p10le", audio=(sound(),))
    made = planned(worker(hardware=CARD), of=light, codec=["hevc"], hdr=True)
    assert shape(made) == [
        ("nvenc", "nvenc", "720p 360p 144p"),
        ("hevc", "cpu", "720p-hdr 360p-hdr 144p-hdr audio"),
    ]


def test_pictures_larger_than_cards_take_stay_with_the_processor() -> None:
    huge = source(7680, 4320)
    made = planned(worker(hardware=CARD), of=huge, ladder=[4320, 2160], codec=["h264"])
    assert shape(made) == [("nvenc", "nvenc", "2160p"), ("h264", "cpu", "4320p")]


def test_small_pictures_alone_are_not_worth_a_card() -> None:
    assert planned(worker(hardware=CARD), ladder=[144]).units[0].capability == "cpu"


def test_sound_alone_needs_no_card() -> None:
    made = planned(worker(hardware=CARD), of=record(), encoder="nvenc")
    assert shape(made) == [("all", "cpu", "audio")]
    assert made.notes == ()


def test_several_codecs_are_spread_over_the_free_workers() -> None:
    both = (worker(), worker("encode@b"))
    assert shape(planned(*both, codec=["h264", "av1"])) == [
        ("h264", "cpu", "720p 360p 144p audio"),
        ("av1", "cpu", "720p-av1 360p-av1 144p-av1"),
    ]
    assert len(planned(*both, codec=["h264"]).units) == 1, "one codec is one decode"


@pytest.mark.parametrize(
    "workers",
    [
        (worker(slots=2, busy=1),),
        (worker(), worker("encode@b", busy=1)),
        (worker(), worker("encode-gpu@b", processor=False, hardware={"nvenc": ("hevc",)})),
        (worker(busy=2),),
    ],
)
def test_busy_workers_are_not_spread_over(workers: Any) -> None:
    assert len(planned(*workers, codec=["h264", "av1"]).units) == 1


def test_other_jobs_that_wait_are_served_before_one_is_spread() -> None:
    assert len(planned(worker(slots=2), codec=["h264", "av1"], waiting=1).units) == 1


def test_a_short_source_is_not_worth_another_decode() -> None:
    short = source(audio=(sound(),)).model_copy(update={"duration_s": 9.0})
    assert len(planned(worker(slots=2), of=short, codec=["h264", "av1"]).units) == 1


def test_the_dearest_codecs_lie_in_different_units() -> None:
    made = planned(worker(slots=2), codec=["h264", "hevc", "av1", "vp9"], ladder=[360])
    assert shape(made) == [
        ("h264-hevc-av1", "cpu", "360p 360p-hevc 360p-av1 audio"),
        ("vp9", "cpu", "360p-vp9"),
    ]


def test_every_rendition_is_in_exactly_one_unit() -> None:
    made = planned(
        worker(slots=3, hardware=CARD), codec=["h264", "hevc", "av1", "vp9"], encoder="nvenc"
    )
    names = [name for unit in made.units for name in unit.renditions]
    assert sorted(names) == sorted(one.name for one in made.renditions)
    assert len({unit.name for unit in made.units}) == len(made.units) == 3


def test_a_unit_stored_before_there_was_hardware_is_one_of_the_processor() -> None:
    assert EncodeUnit.model_validate({"name": "all", "renditions": ["720p"]}).capability == "cpu"
