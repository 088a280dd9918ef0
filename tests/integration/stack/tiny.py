"""A supervisor over tiny parts, to be run as a process of its own and treated badly.

`python -m tests.integration.stack.tiny FOLDER GRACE_S NAME=SHELL_COMMAND…` tells every notice as
one line of JSON on its standard output, and stops as `reelworks up` does.
"""

from __future__ import annotations

import json
import sys
import time
from dataclasses import asdict
from pathlib import Path

from pipeline.stack.guard import Guard
from pipeline.stack.part import Part, Stage
from pipeline.stack.stopping import Stopping
from pipeline.stack.supervisor import Notice, Supervisor

STAGES = {"front": Stage.FRONT, "worker": Stage.WORKERS, "broker": Stage.BROKER}


def tell(notice: Notice) -> None:
    print(json.dumps({**asdict(notice), "what": notice.what.value}), flush=True)


def main(folder: str, grace: str, *commands: str) -> None:
    grace_s = float(grace)
    guard = Guard(grace_s=grace_s)
    supervisor = Supervisor(logs=Path(folder), tell=tell, guard=guard)
    with Stopping() as stopping:
        try:
            for named in commands:
                name, _, command = named.partition("=")
                stage = STAGES[name.partition("-")[0]]
                supervisor.start(Part(name, ("sh", "-c", command), stage=stage))
            while not stopping.asked:
                supervisor.tick()
                time.sleep(0.02)
        finally:
            supervisor.stop(grace_s=grace_s, hurried=stopping.hurried)
            guard.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
