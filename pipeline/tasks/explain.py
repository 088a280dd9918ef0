"""Explain: what any exception of a step means to a person, and whether it can pass by itself."""

from __future__ import annotations

import errno
import logging

from kombu.exceptions import OperationalError as BrokerError
from sqlalchemy import exc

from pipeline.errors import ReelworksError, TransientError, refused
from pipeline.history.errors import DatabaseUnreachable

logger = logging.getLogger(__name__)

#: What the database answers when the trouble is its own, and not what it was asked.
DATABASE_TROUBLE = (exc.OperationalError, exc.InterfaceError, exc.InternalError, exc.TimeoutError)
#: How it says that it is away, or may be.
AWAY = (DatabaseUnreachable, *DATABASE_TROUBLE)
#: What the system answers again however often it is asked: no right, or a name that can't be.
LASTING = frozenset(
    {
        *(errno.EACCES, errno.EPERM, errno.EROFS, errno.EEXIST, errno.EISDIR, errno.ENOTDIR),
        *(errno.EINVAL, errno.ELOOP, errno.ENAMETOOLONG, errno.ENOEXEC),
    }
)


def explain(error: Exception) -> ReelworksError:
    """Turn any exception of a step into an error a person can act on.

    Only what can pass is tried again: trouble of the system, the database and the broker. What
    nobody foresaw would come again.
    """
    if isinstance(error, ReelworksError):
        return error
    if isinstance(error, OSError) and error.errno is not None:
        return _explain_system(error, error.errno)
    if isinstance(error, DATABASE_TROUBLE):
        return TransientError(
            "database", f"The database refused: {getattr(error, 'orig', None) or error}"
        )
    if isinstance(error, BrokerError):
        return TransientError("broker", f"The broker refused: {error}")
    if isinstance(error, MemoryError):
        return TransientError(
            "no_memory",
            "There was no memory left for the work.",
            "Let fewer things run at once: `workers` in pipeline.yml.",
        )
    logger.error("unforeseen error", exc_info=error)
    return ReelworksError(
        "internal",
        f"Something unforeseen went wrong: {type(error).__name__}: {error}",
        "`reelworks logs` shows more; please report it with them.",
    )


def _explain_system(error: OSError, number: int) -> ReelworksError:
    if number in (errno.ENOSPC, errno.EDQUOT):
        return TransientError(
            "no_space",
            f"There is no space left where {error.filename or 'the results'} should be written.",
            "Free some space, or point `paths` in pipeline.yml to a larger disk.",
        )
    kind = ReelworksError if number in LASTING else TransientError
    return refused(kind, error.filename, str(error.strerror or error))


def expired(after: ReelworksError | None = None) -> ReelworksError:
    """Say that a job's deadline passed before its work was done, `after` what kept it last."""
    last = "" if after is None else f" What kept it last: {after.message}"
    return ReelworksError(
        "expired",
        f"The job's deadline passed before its work was done.{last}",
        "`reelworks retry` tries again; `limits.deadline` in pipeline.yml sets the time allowed.",
    )


def exhausted(step: str) -> ReelworksError:
    """Say that a step's worker was lost as often as a step may be tried."""
    return ReelworksError(
        "worker_lost",
        f"The step {step} lost its worker as often as it may be tried.",
        "Look for killed workers (memory, power); `reelworks retry` tries again.",
    )
