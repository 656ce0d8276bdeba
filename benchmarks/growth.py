"""Files of growing size: the memory of all processes stays where it is, and time grows as the rows do."""

from __future__ import annotations

import platform
from pathlib import Path

from benchmarks.batch import MEMORY_MEGABYTES, WORK, run_ours
from benchmarks.batch_files import write_plain
from benchmarks.machine import describe_machine
from benchmarks.report import Bar, Report, Table

LINEAR = 1.15


def run(sizes: tuple[int, ...]) -> Report:
    """Measure and report.

    Parameters
    ----------
    sizes : tuple of int
        Rows of each file, ascending.
    """
    machine = describe_machine() | {"interpreter": platform.python_version()}
    numbers: dict[int, dict[str, float]] = {}
    for size in sizes:
        file = write_plain(WORK, size)
        read_through(file)
        numbers[size] = run_ours(file)
    table = Table(
        "Sizes",
        ("rows", "seconds", "rows/s", "us a row", "peak MB"),
        tuple(
            (
                f"{size:,}",
                f"{one['seconds']:.1f}",
                f"{one['rows_per_second']:,.0f}",
                f"{one['seconds'] / size * 1e6:.2f}",
                f"{one['megabytes']:,.0f}",
            )
            for size, one in numbers.items()
        ),
        "CSV, from the start of the processes to the manifest. Peak memory is that of all processes together.",
    )
    each = {size: one["seconds"] / size for size, one in numbers.items()}
    largest = max(sizes)
    peak = max(one["megabytes"] for one in numbers.values())
    bars = (
        Bar("peak memory, all processes", peak, MEMORY_MEGABYTES, unit="MB"),
        Bar(f"time a row of {largest:,} rows, to the least of all sizes", each[largest] / min(each.values()), LINEAR),
    )
    raw: dict[str, object] = {"growth": {str(size): one for size, one in numbers.items()}}
    return Report("growth", "Files of growing size", machine, (table,), bars, raw)


def read_through(file: Path) -> None:
    """Have the system hold a file in its memory, as far as it fits."""
    with file.open("rb") as content:
        while content.read(1 << 24):
            pass
