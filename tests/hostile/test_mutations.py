"""Changed copies of real clips are refused or shown: no crash, no hang, nothing left behind."""

from __future__ import annotations

import os
from random import Random

from tests.hostile.mutate import mutant
from tests.hostile.mutations import tally

#: `make mutations` tries 2,000.
COUNT = int(os.environ.get("REELWORKS_MUTATIONS", "20"))
SEED = int(os.environ.get("REELWORKS_MUTATIONS_SEED", "1"))


def test_a_changed_copy_does_no_harm() -> None:
    told = tally(COUNT, SEED)
    assert told.wrong == []
    assert told.posters + sum(told.codes.values()) == COUNT


def test_the_same_seed_makes_the_same_changes() -> None:
    clips = (("a.mp4", bytes(range(256)) * 100), ("b.mkv", b"\x1a\x45\xdf\xa3" * 9000))
    first, again = (mutant(clips, Random("1-2")) for _ in range(2))
    assert first == again
    assert mutant(clips, Random("1-3")) != first
    made = [mutant(clips, Random(number)) for number in range(100)]
    assert all(one.data not in (clips[0][1], clips[1][1]) for one in made)
