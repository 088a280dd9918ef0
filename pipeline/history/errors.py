"""What can go wrong between a caller and the tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from pipeline.errors import ReelworksError, TransientError

if TYPE_CHECKING:
    from pathlib import Path


class JobNotFound(ReelworksError):
    """No job has that id, or more than one begins with it."""

    def __init__(self, job_id: str, *, ambiguous: bool = False) -> None:
        if not job_id:
            message = "A job's id is needed."
            hint = "`reelworks jobs` lists the jobs and their ids; the beginning of one is enough."
        elif ambiguous:
            message = f"More than one job has an id beginning with {job_id!r}."
            hint = "Give more of the id; `reelworks jobs` lists them."
        else:
            message = f"There is no job {job_id!r}."
            hint = "`reelworks jobs` lists the jobs and their ids."
        super().__init__("no_such_job", message, hint)


class WrongState(ReelworksError):
    """What was asked for can't be done to a job in this state."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__("wrong_state", message, hint)


class LeaseLost(ReelworksError):
    """The step is no longer ours: cancelled, ended, or taken over after the lease lapsed.

    Whoever gets this stops at once and publishes nothing: somebody else may be working.
    """

    def __init__(self, job_id: str, steps: tuple[str, ...]) -> None:
        super().__init__("lease_lost", f"The lease on {', '.join(steps)} of job {job_id} is gone.")


class DatabaseUnreachable(TransientError):
    """The database does not answer."""

    def __init__(self, address: str, reason: str) -> None:
        said = " ".join(reason.split())  # a driver says it in several lines
        super().__init__(
            "unreachable",
            f"The database at {address} can't be reached: {said}",
            "Start it, or correct `database` in pipeline.yml (or REELWORKS_DATABASE).",
        )


class DatabaseFull(TransientError):
    """The disk that the database lies on has no room for what was to be written."""

    @classmethod
    def on_disk(cls, folder: Path, needed: int, free: int) -> Self:
        """Say how many bytes are needed in the folder of an embedded database."""
        return cls(
            "no_space",
            f"The database needs about {needed:,} bytes in {folder}, and {free:,} bytes are free.",
            "Everything waits, and goes on by itself once there is room: free some, or point "
            "`paths.state` in pipeline.yml to a larger disk.",
        )

    @classmethod
    def on_server(cls, address: str, reason: str) -> Self:
        """Say what a server says of its disk, which can't be looked at from here."""
        return cls(
            "no_space",
            f"The database at {address} has no room on its disk: {' '.join(reason.split())}",
            "Everything waits, and goes on by itself once there is room: free some there.",
        )
