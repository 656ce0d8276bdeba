"""Files scored offline, against LightGBM's own predict on an array in memory, pandas, and LightGBM's command."""

from __future__ import annotations

import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

from benchmarks.batch_files import write_files, write_hostile
from benchmarks.machine import describe_machine
from benchmarks.report import Bar, Report, Table
from ratecard_workbench.local.launch import find_native_directory

ROOT = Path(__file__).resolve().parents[1]
WORK = ROOT / "build" / "bench" / "batch"
SOURCE = ROOT / "functions/models/credit_rating/src"
PATHS = (SOURCE, ROOT / "layers/ratecard/src", ROOT / "workbench/src")
"""The code that is measured is that of this checkout, wherever the installed packages point."""

MODEL = SOURCE / "credit_rating/artifact/model.txt"
MEMORY_MEGABYTES = 1024.0
ROUNDS = 3
PREDICT, CSV, PARQUET, HOSTILE = (
    "LightGBM predict, array in memory (only predict is timed)",
    "ratecard batch, CSV",
    "ratecard batch, Parquet",
    "ratecard batch, CSV, 1 % hostile rows",
)
RUNNER = """
import sys
from pathlib import Path
from ratecard_workbench.batch.registry import LocalOrder, Registry
from ratecard_workbench.batch.runner import Workplace, run_job
from ratecard_workbench.local.application import FunctionSpec
native, home, file, explain, *paths = sys.argv[1:]
spec = FunctionSpec("Batch", "credit_rating.handler.batch_handler", tuple(map(Path, paths)), 1769, 900, 2, {}, None)
registry = Registry(Path(home) / "batches")
entry = registry.enter(LocalOrder("credit-rating", Path(file), Path(home) / "out", "demo", explain == "explain", ()), 0)
place = Workplace(spec, {"RATECARD_NATIVE_DIR": native}, Path(home) / "lake", 2)
manifest = run_job(entry, registry, place, lambda _: None)
assert manifest["status"] == "succeeded", manifest
print(manifest["rows"]["scored"], manifest["rows"]["rejected"])
"""


def memory_of(pid: int) -> float:
    """Return the present memory of a process and its children together, in MB."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return 0.0
    total = 0.0
    for process in (str(pid), *children):
        try:
            pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
        except OSError:
            continue
        total += pages * 4096 / 1e6
    return total


def run_measured(command: list[str]) -> dict[str, float | str]:
    """Run a command; return its seconds, processor seconds and peak memory with its children's, and what it printed."""
    used = children_seconds()
    started = time.perf_counter()
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(map(str, PATHS))}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
    peak = [0.0]

    def watch() -> None:
        while process.poll() is None:
            peak[0] = max(peak[0], memory_of(process.pid))
            time.sleep(0.05)

    watcher = threading.Thread(target=watch)
    watcher.start()
    printed, _ = process.communicate()
    watcher.join()
    if process.returncode:
        raise RuntimeError(f"{' '.join(map(str, command[:3]))} failed")
    return {
        "seconds": time.perf_counter() - started,
        "processor_seconds": children_seconds() - used,
        "megabytes": peak[0],
        "printed": printed,
    }


def children_seconds() -> float:
    """Return the processor time of all processes that this one started and that ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def run_ours(file: Path, *, explain: bool = False) -> dict[str, float]:
    """Score a file as `ratecard batch` does, start of the processes included."""
    native = find_native_directory(ROOT)
    if native is None:
        raise RuntimeError("`make native` builds the engines' libraries")
    with tempfile.TemporaryDirectory(dir=WORK) as home:
        wish = "explain" if explain else "plain"
        done = run_measured([sys.executable, "-c", RUNNER, str(native), home, str(file), wish, *map(str, PATHS)])
    scored, rejected = map(int, str(done["printed"]).split())
    seconds = float(done["seconds"])
    return {
        "seconds": seconds,
        "processor_seconds": float(done["processor_seconds"]),
        "megabytes": float(done["megabytes"]),
        "rows": scored,
        "rejected": rejected,
        "rows_per_second": scored / seconds,
    }


def run_peer(what: str, file: Path) -> dict[str, float]:
    """Run one peer."""
    command = [sys.executable, str(Path(__file__).parent / "batch_peers.py"), what, str(file), str(MODEL)]
    done = run_measured([*command, str(WORK / f"{what}.out")])
    numbers: dict[str, float] = json.loads(str(done["printed"]).splitlines()[-1])
    return numbers | {
        "megabytes": float(done["megabytes"]),
        "rows_per_second": numbers["rows"] / numbers["seconds"],
    }


def run_hostile(plain: Path, rows: int) -> dict[str, float]:
    """Score the hostile copy of a file: every good row is scored, every bad one a reject."""
    file, bad = write_hostile(plain)
    done = run_ours(file)
    if (done["rows"], done["rejected"]) != (rows, bad):
        raise RuntimeError(f"{done['rows']} scored and {done['rejected']} rejected where {rows} and {bad} are right")
    return done


def median_run(runs: list[dict[str, float]]) -> dict[str, float]:
    """Return the run of the median time, with the largest memory and both ends of the times."""
    seconds = [one["seconds"] for one in runs]
    middle = min(runs, key=lambda one: abs(one["seconds"] - median(seconds)))
    peak = max(one["megabytes"] for one in runs)
    return middle | {"megabytes": peak, "fastest": min(seconds), "slowest": max(seconds)}


def run(rows: int) -> Report:
    """Measure and report.

    Parameters
    ----------
    rows : int
        Rows of the file that is compared.
    """
    machine = describe_machine() | {"interpreter": platform.python_version()}
    plain, columns = write_files(WORK, rows)
    write_hostile(plain)
    few, _ = write_files(WORK, max(rows // 50, 1000))
    compared: dict[str, Callable[[], dict[str, float]]] = {
        PREDICT: lambda: run_peer("predict", plain),
        CSV: lambda: run_ours(plain),
        PARQUET: lambda: run_ours(columns),
        HOSTILE: lambda: run_hostile(plain, rows),
    }
    run_peer("predict", plain)  # makes the array
    run_ours(plain)  # everything is in the system's cache from here on, for all alike
    rounds = [{name: measure() for name, measure in compared.items()} for _ in range(ROUNDS)]
    numbers = {name: median_run([one[name] for one in rounds]) for name in compared} | {
        "ratecard batch, CSV, with reasons": run_ours(few, explain=True),
        "pandas read_csv, predict, to_csv": run_peer("pandas", plain),
        "LGBM_BoosterPredictForFile (what task=predict runs)": run_peer("command", plain),
    }
    return report_of(rows, numbers, machine)


def report_of(rows: int, numbers: dict[str, dict[str, float]], machine: dict[str, str]) -> Report:
    """Write table and bars."""
    bare, ours, parquet, hostile = (numbers[name] for name in (PREDICT, CSV, PARQUET, HOSTILE))
    table = Table(
        f"{rows:,} rows, two processes or threads",
        ("", "rows", "seconds", "rows/s", "to LightGBM's predict", "processor us a row", "peak MB"),
        tuple(
            (
                name,
                f"{one['rows']:,.0f}",
                f"{one['seconds']:.1f}"
                + (f" ({one['fastest']:.1f} to {one['slowest']:.1f})" if "fastest" in one else ""),
                f"{one['rows_per_second']:,.0f}",
                f"{one['rows_per_second'] / bare['rows_per_second']:.2f} x",
                f"{one['processor_seconds'] / one['rows'] * 1e6:.2f}",
                f"{one['megabytes']:,.0f}",
            )
            for name, one in numbers.items()
        ),
        "Ours counts the start of its processes, the plan, the digests, the rejects and the usage lines. A range is "
        f"that of {ROUNDS} rounds, each with all four; the median counts. Memory is that of all processes together.",
    )
    peak = max(one["megabytes"] for one in (ours, parquet, hostile))
    bars = (
        Bar("CSV, to LightGBM's predict", ours["rows_per_second"] / bare["rows_per_second"], 0.7, at_least=True),
        Bar("Parquet, to LightGBM's predict", parquet["rows_per_second"] / bare["rows_per_second"], 0.8, at_least=True),
        Bar("1 % hostile rows, time to the clean file's", hostile["seconds"] / ours["seconds"], 1.3),
        Bar("peak memory, all processes", peak, MEMORY_MEGABYTES, unit="MB"),
    )
    return Report("batch", "Files scored offline", machine, (table,), bars, {"compared": numbers})
