"""What the benchmarks tell apart."""

from __future__ import annotations

import pytest

from benchmarks.load import part_named


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("python -m pipeline.cli worker encode --node encode@host", "worker encode"),
        ("python -m pipeline.cli watch", "watch"),
        ("/usr/bin/valkey-server unixsocket:/tmp/x", "valkey-server"),
    ],
)
def test_a_part_is_named_by_its_words_whatever_its_options(line: str, name: str) -> None:
    assert part_named([*line.split(), ""]) == name
