"""Nothing that a file says makes a tool read another file, or call anybody."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pipeline.settings.profiles import Profile, VideoSettings
from tests.hostile import embedded, scripts
from tests.hostile.trap import Bait, Trap
from tests.sources.runner import run_source

if TYPE_CHECKING:
    from pathlib import Path

    from tests.hostile.recorder import Recorder

SMALL = Profile(video=VideoSettings(ladder=(144,), preset="ultrafast"))
TRAPS = (*scripts.TRAPS, *embedded.TRAPS)


@pytest.mark.parametrize("trap", TRAPS, ids=lambda trap: trap.name)
def test_a_trap_reads_nothing_and_calls_nobody(
    trap: Trap, tmp_path: Path, secret: Path, recorder: Recorder
) -> None:
    made, work = tmp_path / "made", tmp_path / "work"
    made.mkdir()
    source = trap.make(made, Bait(secret, recorder.url, recorder.port))
    before = sorted(made.iterdir())
    outcome = run_source(source, SMALL, work)
    error = outcome.error
    assert (error.code if error else None) == trap.code, error
    if error is not None:
        assert source.name in error.message
        assert error.hint
        assert not list(outcome.folder.iterdir()), "nothing was made of it"
    assert recorder.seen == []
    assert sorted(made.iterdir()) == before
    text = secret.read_bytes().strip()
    told = f"{error} {error.log if error else ''} {outcome.notes}"
    assert text.decode() not in told
    written = [path for path in work.rglob("*") if path.is_file()]
    assert trap.code is not None or written
    assert not [path for path in written if text in path.read_bytes()]


def test_each_trap_has_a_name_of_its_own() -> None:
    names = [trap.name for trap in TRAPS]
    assert sorted(set(names)) == sorted(names)
