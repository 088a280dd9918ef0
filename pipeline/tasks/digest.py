"""Digest: tell channels now and then what happened, in one message."""

from __future__ import annotations

import shutil
from datetime import timedelta
from typing import TYPE_CHECKING

from pipeline.alerts.messages import digest_message
from pipeline.alerts.rules import channels_for
from pipeline.app import app, runtime
from pipeline.history import library, outbox
from pipeline.history.database import now
from pipeline.tasks.timed import Timed, Told

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy.orm import Session

#: The first digest tells of so long.
FIRST = timedelta(days=1)
#: A run whose worker was killed comes back within this long.
REPEATED = timedelta(days=2)


@app.task(base=Timed, name="pipeline.digest", ignore_result=True)
def digest(channels: tuple[str, ...] = ()) -> Told:
    """Owe each channel one message about what happened since its last digest.

    The channels are those that are named, else those that hear of `digest`.
    """
    ready = runtime()
    names = tuple(channels) or channels_for(ready.settings.notifications, "digest")
    if not names:
        return Told("no channel is to hear of it", {"channels": 0})
    run = str(digest.request.id or "")

    def owe(session: Session) -> Told | None:
        at = now(session)
        if run and library.digest_owed(session, run, after=at - REPEATED):
            return None
        since = library.last_digest(session, names) or at - FIRST
        found = library.period(session, since)
        message = digest_message(found, since, at, _free(ready.settings.pipeline.paths.library))
        outbox.owe_message(
            session,
            "digest",
            names,
            title=message.title,
            body=message.body,
            kind=message.kind,
            run=run,
        )
        return Told(f"{message.title}, to {', '.join(names)}", {"channels": len(names), **found})

    told = ready.db.write(owe)
    if told is None:
        return Told("its message is owed already", {"channels": 0})
    app.send_task("pipeline.notify", ignore_result=True)
    return told


def _free(folder: Path) -> int | None:
    return shutil.disk_usage(folder).free if folder.is_dir() else None
