"""What can go wrong between a caller and the tables."""

from __future__ import annotations

from pipeline.errors import ReelworksError, TransientError


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
