"""Flower: Celery's own window on workers and tasks, behind a password."""

from __future__ import annotations

import os
import secrets
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from pipeline.settings.load import Settings

#: Length of the password that is made when none is configured, bytes of randomness.
PASSWORD_BYTES = 18
#: How many tasks Flower remembers, of which a job has six: each takes about 7 kB, and its own
#: 100,000 would be 700 MB. What became of jobs is in the history.
MOST_TASKS = 2000


def password_file(settings: Settings) -> Path:
    """Name the file of the password that was made when none is configured."""
    return settings.pipeline.paths.state / "flower-password"


def password(settings: Settings) -> str:
    """Give Flower's password: the configured one, else the one made at the first start."""
    configured = settings.pipeline.flower.password
    return _made(password_file(settings)) if configured is None else configured.get_secret_value()


def arguments(settings: Settings) -> list[str]:
    """Say how Celery starts Flower. The password is not among them: anybody may list arguments."""
    listen = settings.pipeline.flower.listen
    where = (f"--address={listen.host}", f"--port={listen.port}")
    return ["flower", *where, "--persistent=False", f"--max-tasks={MOST_TASKS}"]


def environment(settings: Settings) -> dict[str, str]:
    """Give the environment that carries Flower's user and password."""
    return {"FLOWER_BASIC_AUTH": f"{settings.pipeline.flower.user}:{password(settings)}"}


def _made(file: Path) -> str:
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    made = secrets.token_urlsafe(PASSWORD_BYTES)
    # Linked into place whole, so that two parts starting at once agree on one password.
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    draft.touch(mode=0o600)
    draft.write_text(f"{made}\n", encoding="ascii")
    try:
        file.hardlink_to(draft)
    except FileExistsError:
        made = file.read_text(encoding="ascii").strip()
    finally:
        draft.unlink()
    return made
