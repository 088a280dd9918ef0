"""A worker of threads that is told to stop while it works ends what it does, and does not crash."""

from __future__ import annotations

import signal
import subprocess
import sys

#: A task that is still done when the grace is over, after the signal that it brings about.
WORKING = """
import os, signal, sys, time
from celery import Celery

app = Celery(broker="memory://", set_as_current=True)
app.conf.update(
    task_acks_late=True, worker_soft_shutdown_timeout=0.3, broker_connection_retry_on_startup=True
)

@app.task(name="wait")
def wait():
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(0.6)

wait.delay()
worker = app.Worker(pool_cls="pipeline.threads:Threads", concurrency=1, loglevel="INFO")
worker.start()
sys.exit(worker.exitcode)
"""


def test_it_stops_in_order() -> None:
    done = subprocess.run(
        [sys.executable, "-c", WORKING],
        env={"REMAP_SIGTERM": signal.Signals.SIGQUIT.name},
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert "Initiating Soft Shutdown" in done.stderr
    assert "Traceback" not in done.stderr
    assert "Task wait" in done.stderr
    assert done.returncode == 0
