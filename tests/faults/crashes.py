"""Crashes: what the logs tell of parts that broke, also where nothing was lost by it.

A lease mends what a worker breaks that crashes instead of giving back its work, so that looking at
jobs alone does not show it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.faults.site import Site

#: Exit statuses that are no crash: done, and no server to be reached.
IN_ORDER = frozenset({0, 3})
#: Signals that faults send: whoever died of another one crashed.
SENT = frozenset({"SIGKILL", "SIGTERM"})
#: What `up` says of a part that ended.
ENDED = re.compile(r"(?m)^(\S+) (?:ended with status (\d+)|was ended by (SIG\w+))")
#: Celery gives up; a hang that was ended; an interpreter that broke.
BROKE = re.compile(
    r"(?m)^.*(?:Unrecoverable error|Timeout \(\d+:\d\d:\d\d\)!|Fatal Python error).*$"
)
#: From where a worker says that it stops until another one begins.
STOPPING = re.compile(r"(?s)worker: (?:Hitting|Initiating|Cold|Warm|Soft).*?(?= ready\.$|\Z)", re.M)
#: A question, Flower's for one, that came when there was no more to tell of; who asks hears so.
TOO_LATE = re.compile(r"(?m)^\[.*pidbox command error: .*\n(?:(?!\[).*\n?)*")
TRACE = re.compile(r"Traceback \(most recent call last\):\n(?:[ \t].*\n|\n)*\S.*")

#: Where a line of a log begins: by its time, with brackets or without.
LINE = re.compile(r"(?m)^(?=\[?\d{4}-\d\d-\d\d[ T])")
#: A thread that nothing is left of, and nobody begins again; what broke as an object was removed.
DIED = re.compile(r"(?m)^Exception (?:in thread|ignored in).*$")
#: What a part may say broke as it worked, by the last exception that it names. All of it is what
#: faults do: a server away, cut off or starting, a disk full or read-only, a pool process killed.
EXPECTED = frozenset(
    {
        *("OperationalError", "InterfaceError", "InternalError", "AdminShutdown", "NotAlone"),
        *("DatabaseUnreachable", "DatabaseFull", "InvalidatePoolError"),
        *("ConnectionError", "ConnectionResetError", "ConnectionRefusedError", "BrokenPipeError"),
        *("ConnectionAbortedError", "TimeoutError", "RecoverableConnectionError"),
        *("ConnectionForced", "UnexpectedFrame", "BusyLoadingError", "ReadOnlyError"),
        *("OutOfMemoryError", "WorkerLostError", "ExceptionWithTraceback"),
    }
)
#: The same of exceptions whose name tells too little: what they say besides.
EXPECTED_WORDS = re.compile(
    r"No space left on device|Read-only file system|Server unexpectedly closed connection"
    r"|Socket closed|OOM command not allowed|MISCONF"
)
#: The last line of a trace: a class, with or without what it says.
EXCEPTION = re.compile(r"([\w.]+)(?:: .*)?")


def told(text: str) -> list[str]:
    """Name the crashes that a log tells of."""
    found = [
        f"{part} ended with {status or signal}"
        for part, status, signal in ENDED.findall(text)
        if (status and int(status) not in IN_ORDER) or (signal and signal not in SENT)
    ]
    found += [line.strip() for line in BROKE.findall(text)]
    for stop in STOPPING.findall(text):
        traces = TRACE.findall(TOO_LATE.sub("", stop))
        found += [f"as it stopped: {trace.splitlines()[-1]}" for trace in traces]
    working = STOPPING.sub("", text)
    found += DIED.findall(text)
    return found + [f"as it worked: {one}" for one in map(_broken, LINE.split(working)) if one]


def _broken(record: str) -> str | None:
    """Name the last exception of one line of a log and what follows it; None where all is well."""
    traces = TRACE.findall(TOO_LATE.sub("", record))
    if not traces or BROKE.search(record):
        return None
    last = traces[-1].splitlines()[-1]
    name = EXCEPTION.match(last)
    known = name is not None and name[1].rpartition(".")[2] in EXPECTED
    return None if known or EXPECTED_WORDS.search(traces[-1]) else last


class Logs:
    """All logs of a system; each is read from where it was read to the last time."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._read: dict[Path, int] = {}

    def crashes(self) -> list[str]:
        """Name the crashes since the last look, with the log that tells of each."""
        return [f"{log.name}: {crash}" for log, text in self._new() for crash in told(text)]

    def _new(self) -> Iterator[tuple[Path, str]]:
        logs = (self._site.root.glob("*.log"), (self._site.media / "state" / "logs").glob("*.log"))
        for log in sorted(path for folder in logs for path in folder):
            data = log.read_bytes()
            already = self._read.get(log, 0)
            self._read[log] = len(data)
            # One that is shorter than before was set aside in between, and begins anew.
            yield log, data[already if already <= len(data) else 0 :].decode(errors="replace")
