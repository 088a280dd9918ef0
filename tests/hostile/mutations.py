"""Look at changed copies and make their posters, as workers do; tell what went wrong."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import lru_cache, partial
from pathlib import Path
from random import Random

from pipeline.errors import ReelworksError
from pipeline.media.errors import MediaError
from pipeline.media.probe import probe
from pipeline.media.thumbnail import make_poster
from pipeline.settings.pipeline import Limits
from tests.hostile.mutate import Mutant, mutant
from tests.media import STAND_INS, ffmpeg, shared, tools

#: Whoever takes longer hangs, seconds: a few processes that take a second each, on a busy machine.
HANGS_S = 120.0
#: Containers that the real clips are copied into, besides their own.
CONTAINERS = ("mkv", "ts", "mov", "flv", "avi")


@dataclass
class Tally:
    """What became of all: how many posters, how many refusals by code, and what was wrong."""

    posters: int = 0
    codes: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    slowest_s: float = 0.0
    slowest: str = ""


@lru_cache(maxsize=1)
def clips() -> tuple[tuple[str, bytes], ...]:
    """Give the real clips, and one of them in other containers, a megabyte each at most."""
    with tempfile.TemporaryDirectory() as folder:
        found = [shared(name) for name in STAND_INS]
        for container in CONTAINERS:
            path = Path(folder) / f"bikes.{container}"
            ffmpeg("-i", str(shared("bikes.mp4")), "-c", "copy", str(path))
            found.append(path)
        return tuple((path.name, path.read_bytes()) for path in found)


def tally(count: int, seed: int) -> Tally:
    """Try so many; numbers and seed make the same ones again."""
    told = Tally()
    clips()
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        tried = pool.map(partial(_tried, seed), range(count))
        for number, (code, wrong, took_s) in enumerate(tried):
            told.posters += code is None
            if code is not None:
                told.codes[code] += 1
            if wrong is not None:
                told.wrong.append(wrong)
            if took_s > told.slowest_s:
                told.slowest_s, told.slowest = took_s, f"{seed}-{number}"
    return told


def _tried(seed: int, number: int) -> tuple[str | None, str | None, float]:
    made = mutant(clips(), Random(f"{seed}-{number}"))
    folder = Path(tempfile.mkdtemp(prefix="reelworks-mutant-"))
    began = time.monotonic()
    try:
        code, wrong = _looked_at(made, folder)
    finally:
        shutil.rmtree(folder)
    took_s = time.monotonic() - began
    if took_s > HANGS_S:
        wrong = f"took {took_s:.0f} s"
    said = f"{seed}-{number} ({made.clip}, {' '.join(made.ways)}): {wrong}" if wrong else None
    return code, said, took_s


def _looked_at(made: Mutant, folder: Path) -> tuple[str | None, str | None]:
    """Give the code of the refusal, and what is wrong; None for a poster, and for nothing."""
    source, out = folder / f"clip{Path(made.clip).suffix}", folder / "poster.jpg"
    source.write_bytes(made.data)
    code = None
    try:
        make_poster(tools(), probe(tools(), source, Limits()), out)
    except ReelworksError as error:
        code = error.code
        if not isinstance(error, MediaError) or error.transient or not error.hint:
            return code, f"is told as {type(error).__name__} {error.code}: {error}"
    except Exception as error:  # noqa: BLE001 - a worker would call it unforeseen
        return "internal", f"raised {type(error).__name__}: {error}"
    left = {path.name for path in folder.iterdir()} - {source.name}
    if left != (set() if code else {"poster.jpg"}):
        return code, f"left {sorted(left)} behind"
    return code, None
