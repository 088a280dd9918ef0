from __future__ import annotations

from random import Random

import pytest

from pipeline.plan.jitter import comes_in_bursts, jitter

#: A packet of AAC, seconds.
LENGTH_S = 1024 / 48_000
STEADY = [n * LENGTH_S for n in range(200)]


def test_what_is_steady_or_rounded_to_milliseconds_has_no_jitter() -> None:
    assert jitter(STEADY) == (0, 0)
    assert jitter([round(at, 3) for at in STEADY]) == (0, 0)


def test_what_stays_late_follows_a_hole_and_is_no_jitter() -> None:
    holes = [at + 0.06 * (at > 1) + 0.04 * (at > 1.1) for at in STEADY]
    often = [at + LENGTH_S * (n // 10) for n, at in enumerate(STEADY)]
    at_the_edges = [at + 0.06 * (n > 0) + 0.06 * (n > 197) for n, at in enumerate(STEADY)]
    for broken in (holes, often, at_the_edges, [at - 0.06 * (at > 2) for at in STEADY]):
        assert jitter(broken) == (0, 0)


def test_what_comes_back_within_some_packets_is_jitter() -> None:
    bursts = [at + 0.035 * (20 <= n % 40 < 25) for n, at in enumerate(STEADY)]
    found = jitter(bursts)
    assert found is not None
    assert found == pytest.approx((0.035, 0), abs=0.001)


def test_how_early_the_first_packet_is_is_told_by_those_behind_it() -> None:
    chance = Random(1)
    rough = [at + chance.uniform(-0.03, 0.03) for at in STEADY]
    for padding_s, first in ((0, 0), (LENGTH_S, 1)):
        rough[first] = STEADY[first] - 0.025
        found = jitter(rough, padding_s)
        assert found is not None
        assert found.apart_s == pytest.approx(0.06, abs=0.02)
        assert found.early_s == pytest.approx(0.025, abs=0.012)


def test_packets_that_come_in_bursts_are_known_where_none_is_lost() -> None:
    bursts = [at - at % 0.3 for at in STEADY]
    assert comes_in_bursts(bursts, LENGTH_S)
    assert comes_in_bursts([at + 0.2 * (n // 9 % 2) for n, at in enumerate(STEADY)], LENGTH_S)
    lost = [at + 0.5 * (at > 2) for at in bursts]
    slow = [at * 1.1 for at in bursts]
    early = [at + 0.3 * (at > 0.5) for at in STEADY]
    for others in (STEADY, lost, slow, early, [round(at, 2) for at in STEADY], STEADY[:9], []):
        assert not comes_in_bursts(others, LENGTH_S)


@pytest.mark.parametrize("few", [[], [0.0], [0.0, 0.02, 0.04], [1.0] * 50])
def test_what_can_not_tell_has_no_known_jitter(few: list[float]) -> None:
    assert jitter(few) is None


def test_where_decoders_leave_out_more_than_there_is_nothing_is_early() -> None:
    rough = [n * 0.02 + 0.01 * (n % 3 == 0) for n in range(20)]
    found = jitter(rough, padding_s=1.36)
    assert found is not None
    assert found.early_s == 0


def test_of_very_many_packets_some_tell_how_long_each_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.plan.jitter.RUN", 16)
    monkeypatch.setattr("pipeline.plan.jitter.PLACES", 4)
    bursts = [at + 0.035 * (20 <= n % 40 < 25) for n, at in enumerate(STEADY)]
    assert jitter(STEADY) == (0, 0)
    assert jitter(bursts) == pytest.approx((0.035, 0), abs=0.001)
