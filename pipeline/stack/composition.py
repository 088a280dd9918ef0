"""What the whole system on one machine consists of: the list of its parts."""

from __future__ import annotations

import sys
from functools import partial
from typing import TYPE_CHECKING

from pipeline.stack import roles
from pipeline.stack.naming import own_node
from pipeline.stack.part import Part, Stage
from pipeline.stack.recovery import give_back, take_back

if TYPE_CHECKING:
    from pipeline.settings.load import Settings

#: The parts other than broker and workers, in the order in which they are wanted.
FRONT = ("watch", "beat", "web", "flower")


def parts(settings: Settings) -> list[Part]:
    """List every part but the broker: workers first, they take longest to be ready."""
    return [
        *(worker(settings, role) for role in roles.EVERYDAY),
        *(front(settings, name) for name in FRONT),
    ]


def worker(settings: Settings, role: str, *options: str) -> Part:
    """The worker of a role, kept so that what it held when it died is done again at once.

    It keeps its name however often it is started, as this process does.
    """
    node = own_node(settings.pipeline.paths.state, role)
    return Part(
        name=f"worker-{role}",
        argv=_verb("worker", role, "--node", node, *options),
        env=_environment(settings) | roles.STOP_IN_TIME,
        stage=Stage.WORKERS,
        node=node,
        after_death=partial(take_back, node),
        after_kill=partial(give_back, node),
    )


def front(settings: Settings, name: str) -> Part:
    """A part that brings or shows work."""
    return Part(name=name, argv=_verb(name), env=_environment(settings))


def _verb(*words: str) -> tuple[str, ...]:
    return (sys.executable, "-m", "pipeline.cli", *words)


def _environment(settings: Settings) -> dict[str, str]:
    # Ports may have been chosen at the start, where the configuration says 0.
    return {
        "REELWORKS_CONFIG": str(settings.config_dir),
        "REELWORKS_WEB_LISTEN": str(settings.pipeline.web.listen),
        "REELWORKS_FLOWER_LISTEN": str(settings.pipeline.flower.listen),
    }
