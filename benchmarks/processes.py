"""What /proc tells about the processes under measurement."""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path

QUIET_WINDOW_SECONDS = 0.5
QUIET_SHARE = 0.04


def child_processes(pid: int) -> list[int]:
    """Return the processes that a process started, from any of its threads."""
    found = []
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            found += [int(child) for child in children.read_text().split()]
    return found


def descendants_of(pid: int) -> list[int]:
    """Return a process and all that descend from it."""
    return [pid, *(process for child in child_processes(pid) for process in descendants_of(child))]


def is_running(pid: int) -> bool:
    """Whether a process still holds its memory; a zombie does not."""
    fields = find_fields(pid)
    return fields is not None and fields[0] != "Z"


def processor_seconds(pid: int) -> float:
    """Return the user and system time of one process, 0 if it is gone."""
    fields = find_fields(pid)
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK") if fields else 0.0


def proportional_bytes(pid: int) -> int:
    """Return a process's proportional set size (proc(5), smaps_rollup), 0 if it is gone.

    A page that several processes share counts in parts, so that the sum over processes is what they take together.
    """
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:")), 0)


def find_fields(pid: int) -> list[str] | None:
    """Return what stands behind the name in /proc/<pid>/stat (proc(5)), from the state on."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None


def await_quiet(pid: int, most_seconds: float) -> None:
    """Wait until a process and its descendants have nothing left to do: no worker is then still starting."""
    deadline = time.monotonic() + most_seconds
    busy = True
    while busy and time.monotonic() < deadline:
        before = tree_seconds(pid)
        time.sleep(QUIET_WINDOW_SECONDS)
        busy = tree_seconds(pid) - before > QUIET_SHARE * QUIET_WINDOW_SECONDS


def tree_seconds(pid: int) -> float:
    """Return the processor time of a process and its descendants."""
    return sum(processor_seconds(process) for process in descendants_of(pid))
