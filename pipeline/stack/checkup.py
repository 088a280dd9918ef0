"""The doctor's examination: every check, each telling what it found and what to do about it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from pipeline.errors import ReelworksError
from pipeline.settings.load import Settings


@dataclass(frozen=True)
class Finding:
    """What one check found. A warning is something that works, but not as well as it could."""

    check: str
    state: Literal["ok", "warning", "failed"]
    detail: str
    hint: str = ""


#: A check looks at one thing and tells all it found; what it raises is a finding too.
Check = Callable[[Settings], Iterator[Finding]]


def examine(settings: Settings) -> Iterator[Finding]:
    """Make every check, one after the other; nothing is changed by them."""
    from pipeline.stack import (
        alert_checks,
        isolation_checks,
        machine_checks,
        service_checks,
        tool_checks,
    )

    checks: tuple[tuple[str, Check], ...] = (
        ("python", machine_checks.python),
        ("tools", tool_checks.tools),
        ("encode", tool_checks.trial_encode),
        ("isolation", isolation_checks.protections),
        ("broker", service_checks.broker),
        ("results", service_checks.results),
        ("database", service_checks.database),
        ("tags", service_checks.tags),
        ("channels", alert_checks.channels),
        ("alerts", alert_checks.owed),
        ("folders", machine_checks.folders),
        ("watermarks", machine_checks.watermarks),
        ("names", machine_checks.names),
        ("inotify", machine_checks.inotify),
        ("links", machine_checks.links),
        ("setpriv", machine_checks.setpriv),
        ("ports", machine_checks.ports_free),
    )
    for name, check in checks:
        try:
            yield from check(settings)
        except ReelworksError as error:
            yield Finding(name, "failed", error.message, error.hint)
