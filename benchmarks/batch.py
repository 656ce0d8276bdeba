"""Files scored offline, against LightGBM's own predict on an array in memory, pandas, and LightGBM's command."""

from __future__ import annotations

import json
import platform
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from benchmarks.batch_files import write_files, write_hostile
from benchmarks.machine import describe_machine
from benchmarks.report import Bar, Report, Table
from ratecard_workbench.local.launch import find_native_directory

ROOT = Path(__file__).resolve().parents[1]
WORK = ROOT / "build" / "bench" / "batch"
SOURCE = ROOT / "functions/models/credit_rating/src"
MODEL = SOURCE / "credit_rating/artifact/model.txt"
MEMORY_MEGABYTES = 1024.0
RUNNER = """
import sys
from pathlib import Path
from ratecard_workbench.batch.registry import Order, Registry
from ratecard_workbench.batch.runner import Place, run_job
from ratecard_workbench.local.application import FunctionSpec
source, native, home, file, explain = sys.argv[1:6]
spec = FunctionSpec("Batch", "credit_rating.handler.batch_handler", (Path(source),), 1769, 900, 2, {}, None)
registry = Registry(Path(home) / "batches")
entry = registry.enter(Order("credit-rating", Path(file), Path(home) / "out", "demo", explain == "explain", ()), 0)
place = Place(spec, {"RATECARD_NATIVE_DIR": native}, Path(home) / "lake", 2)
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
    """Run a command; return its seconds, its peak memory with its children's, and what it printed."""
    started = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
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
    return {"seconds": time.perf_counter() - started, "megabytes": peak[0], "printed": printed}


def run_ours(file: Path, *, explain: bool = False) -> dict[str, float]:
    """Score a file as `ratecard batch` does, start of the processes included."""
    native = find_native_directory(ROOT)
    if native is None:
        raise RuntimeError("`make native` builds the engines' libraries")
    with tempfile.TemporaryDirectory(dir=WORK) as home:
        wish = "explain" if explain else "plain"
        done = run_measured([sys.executable, "-c", RUNNER, str(SOURCE), str(native), home, str(file), wish])
    scored, rejected = map(int, str(done["printed"]).split())
    seconds = float(done["seconds"])
    return {
        "seconds": seconds,
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


def run(rows: int, sizes: tuple[int, ...] = ()) -> Report:
    """Measure and report.

    Parameters
    ----------
    rows : int
        Rows of the file that is compared.
    sizes : tuple of int
        More sizes, for memory and for time that grows with the rows.
    """
    machine = describe_machine() | {"interpreter": platform.python_version()}
    plain, columns = write_files(WORK, rows)
    run_ours(plain)  # everything is in the system's cache from here on, for all alike
    numbers = {
        "LightGBM predict, array in memory (only predict is timed)": run_peer("predict", plain),
        "ratecard batch, CSV": run_ours(plain),
        "ratecard batch, Parquet": run_ours(columns),
        "ratecard batch, CSV, 1 % hostile rows": run_ours(write_hostile(plain)),
        "pandas read_csv, predict, to_csv": run_peer("pandas", plain),
        "LGBM_BoosterPredictForFile (what task=predict runs)": run_peer("command", plain),
    }
    few, _ = write_files(WORK, max(rows // 50, 1000))
    numbers["ratecard batch, CSV, with reasons"] = run_ours(few, explain=True)
    growth = {size: run_ours(write_files(WORK, size)[0]) for size in sizes}
    shutil.rmtree(WORK / "tmp", ignore_errors=True)
    return report_of(rows, numbers, growth, machine)


def report_of(
    rows: int, numbers: dict[str, dict[str, float]], growth: dict[int, dict[str, float]], machine: dict[str, str]
) -> Report:
    """Write tables and bars."""
    bare, ours, parquet, hostile = list(numbers.values())[:4]
    table = Table(
        f"{rows:,} rows, two processes or threads",
        ("", "rows", "seconds", "rows/s", "to LightGBM's predict", "peak MB"),
        tuple(
            (
                name,
                f"{one['rows']:,.0f}",
                f"{one['seconds']:.1f}",
                f"{one['rows_per_second']:,.0f}",
                f"{one['rows_per_second'] / bare['rows_per_second']:.2f} x",
                f"{one['megabytes']:,.0f}",
            )
            for name, one in numbers.items()
        ),
        "Ours counts the start of its processes, the plan, the digests, the rejects and the usage lines.",
    )
    sizes = Table(
        "Growth",
        ("rows", "seconds", "rows/s", "peak MB"),
        tuple(
            (f"{size:,}", f"{one['seconds']:.1f}", f"{one['rows_per_second']:,.0f}", f"{one['megabytes']:,.0f}")
            for size, one in growth.items()
        ),
    )
    peak = max(one["megabytes"] for one in (ours, parquet, hostile, *growth.values()))
    bars = (
        Bar("CSV, to LightGBM's predict", ours["rows_per_second"] / bare["rows_per_second"], 0.7, at_least=True),
        Bar("Parquet, to LightGBM's predict", parquet["rows_per_second"] / bare["rows_per_second"], 0.8, at_least=True),
        Bar("1 % hostile rows, time to the clean file's", hostile["seconds"] / ours["seconds"], 1.3),
        Bar("peak memory, all processes", peak, MEMORY_MEGABYTES, unit="MB"),
    )
    raw: dict[str, object] = {"compared": numbers, "growth": {str(size): one for size, one in growth.items()}}
    return Report("batch", "Files scored offline", machine, (table, *((sizes,) if growth else ())), bars, raw)
