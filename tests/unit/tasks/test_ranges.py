"""What goes wrong with a range, and whether the source may be encoded whole in spite of it."""

from __future__ import annotations

import pytest

from pipeline.media.errors import MediaError, TransientMediaError
from pipeline.tasks.ranges import whole_decides


@pytest.mark.parametrize("code", ["encoder_failed", "damaged", "verify_failed", "system"])
def test_what_a_range_may_cause_is_decided_by_the_whole_at_once(code: str) -> None:
    assert whole_decides(MediaError(code, "It failed."), last=False)


@pytest.mark.parametrize("code", ["source_gone", "source_changed", "too_large", "tool_missing"])
def test_what_the_whole_would_meet_as_well_is_told(code: str) -> None:
    assert not whole_decides(MediaError(code, "It failed."), last=True)


@pytest.mark.parametrize("code", ["system", "stalled", "killed", "encoder_killed"])
def test_what_may_pass_is_tried_again_before_the_whole_decides(code: str) -> None:
    error = TransientMediaError(code, "It failed.")
    assert not whole_decides(error, last=False)
    assert whole_decides(error, last=True)


@pytest.mark.parametrize("code", ["no_space", "timeout"])
def test_a_full_disk_and_a_deadline_give_no_range_up(code: str) -> None:
    assert not whole_decides(TransientMediaError(code, "It failed."), last=True)
