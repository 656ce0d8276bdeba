"""Giving a job up: whoever works on it is stopped, and nothing of it is billed; a bill that is settled stands."""

from __future__ import annotations

import time

from ratecard_workbench.batch.registry import Entry, JobRunningError, Registry

PATIENCE_SECONDS = 60.0
LOOK_SECONDS = 0.1


def cancel_job(entry: Entry, registry: Registry) -> bool:
    """Stop a job and forget it.

    Parameters
    ----------
    entry, registry
        The job.

    Returns
    -------
    bool
        False if it is billed already; then nothing was done.

    Raises
    ------
    JobRunningError
        If whoever works on it has not stopped within a minute, or somebody else cancels it.
    """
    with registry.asking_to_stop(entry):
        ends = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                with registry.hold(entry):
                    if entry.is_settled():
                        return False
                    registry.forget(entry)
                    return True
            except JobRunningError:
                if time.monotonic() > ends:
                    raise
                time.sleep(LOOK_SECONDS)
