"""The workers of a running system are known by what they announced."""

from __future__ import annotations

import pytest

from pipeline.history import workers
from pipeline.history.database import Database
from pipeline.history.workers import Announced
from pipeline.media.capabilities import hardware
from pipeline.stack.roles import node
from tests.media import tools
from tests.system import EMBEDDED, System, eventually

pytestmark = pytest.mark.stack


def test_the_encoder_announces_itself_and_the_hardware_that_works(system: System) -> None:
    address = system.environment.get("REELWORKS_DATABASE", EMBEDDED)
    if address == EMBEDDED:
        address = f"sqlite:///{system.root}/media/state/reelworks.db"
    database = Database(address)

    def announced() -> list[Announced]:
        with database.read() as session:
            return workers.present(session)

    (found,) = eventually(announced, "the encoder to announce itself")
    database.dispose()
    assert (found.name.partition("/")[0], found.processor) == (node("encode"), True)
    assert found.slots >= 1
    works = {kind: list(codecs) for kind, codecs in hardware(tools().ffmpeg).items()}
    assert found.hardware == works
