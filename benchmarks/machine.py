"""What a number was measured on: without it a number says nothing."""

from __future__ import annotations

import os
import platform
import subprocess
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).parent.parent


def find_line(path: str, prefix: str) -> str | None:
    """Return what follows the colon in the first line of a /proc file that starts with the prefix."""
    try:
        lines = Path(path).read_text().splitlines()
    except OSError:
        return None
    return next((line.partition(":")[2].strip() for line in lines if line.startswith(prefix)), None)


def find_commit() -> str:
    """Return the commit measured, marked when the work tree differs from it."""
    try:
        head = subprocess.run(
            ["git", "rev-parse", "--short=12", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=True
        )
        changed = subprocess.run(
            ["git", "status", "--porcelain", "-uno"], cwd=ROOT, capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return head.stdout.strip() + (" + uncommitted changes" if changed.stdout.strip() else "")


def describe_machine() -> dict[str, str]:
    """Return date, commit, processor, memory, system and load of this machine, as shown beside every result."""
    kilobytes = (find_line("/proc/meminfo", "MemTotal") or "0 kB").split()[0]
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "commit": find_commit(),
        "processor": f"{os.cpu_count()} x {find_line('/proc/cpuinfo', 'model name') or platform.machine()}",
        "memory": f"{int(kilobytes) / 1024**2:.0f} GiB",
        "system": f"{platform.system()} {platform.release()}",
        "load before the run": " ".join(f"{load:.2f}" for load in os.getloadavg()),
        "bench driven by": f"Python {platform.python_version()}",
    }
