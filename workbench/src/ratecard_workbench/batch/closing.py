"""What is left to do when a job has ended: its bill is kept, and what died with others is removed."""

from __future__ import annotations

import json
import os
import shutil
from typing import Any

from ratecard_workbench.batch.registry import Entry


def close_job(entry: Entry, manifest: dict[str, Any]) -> None:
    """Keep the bill of a job that succeeded, and remove parts and what is half-written; for who holds it.

    Parameters
    ----------
    entry : Entry
        The job.
    manifest : dict
        How it ended.
    """
    remove_partials(entry)
    if manifest["status"] != "succeeded":
        return
    # Rows that were all rejected cost nothing: they may be scored again.
    if manifest["rows"]["scored"] and entry.find_bill() is None:
        _keep_bill(entry, manifest)
    shutil.rmtree(entry.work, ignore_errors=True)


def remove_partials(entry: Entry) -> None:
    """Remove results that workers which were killed left half-written."""
    for partial in entry.results.glob(".*.partial"):
        partial.unlink(missing_ok=True)


def _keep_bill(entry: Entry, manifest: dict[str, Any]) -> None:
    """Have the disk take the manifest but its parts: results may be moved away, the charge stays."""
    partial = entry.bill.with_name(f".{entry.bill.name}.{os.getpid()}")
    with partial.open("w") as file:
        json.dump({name: value for name, value in manifest.items() if name != "parts"}, file)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(entry.bill)
    descriptor = os.open(entry.bill.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
