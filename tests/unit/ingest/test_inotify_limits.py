"""The kernel's limits on watching, and the advice about them."""

from __future__ import annotations

from pathlib import Path

from pipeline.ingest.inotify_limits import Limits, how_to_raise


def test_the_kernels_limits_are_read(tmp_path: Path) -> None:
    for name, value in (
        *(("max_user_watches", 8192), ("max_user_instances", 128)),
        ("max_queued_events", 16384),
    ):
        (tmp_path / name).write_text(f"{value}\n")
    assert Limits.read(tmp_path) == Limits(8192, 128, 16384)
    assert Limits.read().max_user_watches > 0


def test_too_few_watches_fail_and_little_room_warns() -> None:
    limits = Limits(1000, 128, 16384)
    assert (limits.too_low(1001), limits.too_low(1000)) == (["max_user_watches"], [])
    assert (limits.low(501), limits.low(500)) == (["max_user_watches"], [])
    assert Limits(10**6, 8, 128).low(1) == ["max_user_instances", "max_queued_events"]


def test_the_advice_is_a_command_that_suffices() -> None:
    advice = how_to_raise(["max_user_watches", "max_queued_events"], 400_000)
    assert "fs.inotify.max_user_watches=1600000" in advice
    assert "fs.inotify.max_queued_events=131072" in advice
    assert "sysctl --system" in advice
    assert "polling: true" in advice
