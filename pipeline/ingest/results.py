"""Results: whether what a job made is still where it was put."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.models import JobState

if TYPE_CHECKING:
    from pipeline.models import Job


def results_gone(job: Job, library: Path) -> bool:
    """Whether the job succeeded, and somebody removed its output folder since.

    A library that is not there itself is away, not emptied: nothing is gone then. Neither is a
    folder that can't be looked at.
    """
    if job.state is not JobState.SUCCEEDED or job.output_directory is None:
        return False
    if not library.is_dir():
        return False
    try:
        Path(job.output_directory).stat()
    except OSError as problem:
        return problem.errno in (errno.ENOENT, errno.ENOTDIR)
    return False
