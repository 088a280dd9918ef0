"""Workers whose media work is a stand-in: a process that sleeps for each tool, and tiny files.

`python -m benchmarks.standin worker ROLE` is `reelworks worker ROLE` with them. What is left is
orchestration: messages, claims, leases, publishing, the history.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.cli import main
from pipeline.media.encode import Encoded
from pipeline.media.package import Packaged
from pipeline.plan.source import Source

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from contextlib import AbstractContextManager

#: The file with the probed source that every job is said to have.
SOURCE = "REELWORKS_BENCH_SOURCE"
#: How long each stand-in for ffmpeg sleeps, seconds.
SLEEP_S = "0.02"


def install() -> None:
    """Put the stand-ins in place of the functions that the steps call."""
    from pipeline.media import probe
    from pipeline.tasks import manifest, rendition, thumbnail

    source = Source.model_validate_json(Path(os.environ[SOURCE]).read_text())

    def probed(_tools: object, path: Path, *_: object, **__: object) -> Source:
        return source.model_copy(update={"path": str(path)})

    def poster(_tools: object, _source: object, out: Path, **_: object) -> None:
        _sleep()
        out.write_bytes(b"poster")

    def encoded(
        _tools: object,
        _plan: object,
        _unit: object,
        outputs: Mapping[str, Path],
        *,
        encoding: Callable[[], AbstractContextManager[object]],
        **_: object,
    ) -> Encoded:
        with encoding():
            _sleep()
        for path in outputs.values():
            path.write_bytes(b"rendition")
        return Encoded(frames=None, log="")

    def packaged(
        _tools: object, _plan: object, inputs: Mapping[str, Path], staging: Path, **_: object
    ) -> Packaged:
        _sleep()
        for path in inputs.values():
            (staging / path.name).write_bytes(path.read_bytes())
        return Packaged()

    replaced: dict[Any, dict[str, Any]] = {
        probe: {"probe": probed},
        thumbnail: {"make_poster": poster},
        rendition: {"encode_verified": encoded},
        manifest: {
            "package": packaged,
            "make_extras": lambda *_: {},
            "verify_output": lambda *_, **__: [],
        },
    }
    for module, functions in replaced.items():
        for name, function in functions.items():
            assert hasattr(module, name), name
            setattr(module, name, function)


def _sleep() -> None:
    subprocess.run(["sleep", SLEEP_S], check=True)


if __name__ == "__main__":
    install()
    main(sys.argv[1:])
