"""Parts that work in threads have read their settings before."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pipeline.app import Runtime

#: A thread needs Celery's settings while another one, which came first, reads them.
THREADS = """
import time
from concurrent.futures import ThreadPoolExecutor
from pipeline import app
from pipeline.cli import parts
from pipeline.cli.context import Cli

read = app.celery_settings

def slowly(settings):
    time.sleep(0.3)
    return read(settings)

app.celery_settings = slowly
parts._prepare(Cli(None))

def after(delay_s):
    time.sleep(delay_s)
    return app.broker_priority(9)

with ThreadPoolExecutor(2) as pool:
    print(*pool.map(after, (0.0, 0.1)))
"""


def test_two_threads_that_begin_at_once_find_the_settings(ready: Runtime) -> None:
    environment = {**os.environ, "REELWORKS_BROKER": "redis://127.0.0.1:1/0"}
    done = subprocess.run(
        [sys.executable, "-c", THREADS],
        env=environment,
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.stdout, done.returncode) == ("0 0\n", 0), done.stderr
