"""Nothing that a file says makes a tool read another file, or call anybody."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pipeline.media import launch
from pipeline.plan.reading import DEMUXERS, PROTOCOLS
from pipeline.settings.profiles import AudioSettings, Profile, VideoSettings
from tests.hostile import embedded, scripts
from tests.hostile.trap import Bait, Trap
from tests.sources.runner import run_source
from tests.sources.texts import captions_inside

if TYPE_CHECKING:
    from pathlib import Path

    from pipeline.media.fence import Fence
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


def test_every_tool_that_reads_a_source_has_the_lists_and_its_whole_address(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[list[str]] = []

    class Noted(launch._Starting):
        def __init__(self, argv: list[str], fence: Fence, cwd: Path | None) -> None:
            started.append(argv)
            super().__init__(argv, fence, cwd)

    monkeypatch.setattr(launch, "_Starting", Noted)
    source = captions_inside("film.mp4")(tmp_path)
    profile = SMALL.model_copy(update={"audio": AudioSettings(loudness=-23)})
    assert run_source(source, profile, tmp_path / "work").error is None
    reading = [argv for argv in started if any(str(source) in word for word in argv)]
    assert len(reading) >= 6, "probe, packets, poster, loudness, encode, subtitles, captions"
    lists = {"protocol_whitelist": PROTOCOLS, "format_whitelist": ",".join(DEMUXERS)}
    for argv in reading:
        (at,) = [at for at, word in enumerate(argv) if str(source) in word]
        if argv[at].startswith("movie="):
            # A filter's words, escaped: what reads closed captions.
            assert f"=file\\\\:{source}:" in argv[at]
            assert all(f"{name}=" in argv[at] for name in lists)
            continue
        assert argv[at] == f"file:{source}"
        before = argv[:at]
        for name, allowed in lists.items():
            assert before[before.index(f"-{name}") + 1] == allowed
