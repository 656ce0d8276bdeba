"""The ledger at scale: a month of calls joined, deduplicated and rated, beside what duckdb takes to scan the files."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from benchmarks.ledger_lake import CUSTOMERS, MODELS, MONTH_MS, START_MS, make_lake
from benchmarks.machine import ROOT, describe_machine
from benchmarks.report import Bar, Report, Table, rounded

LAKES = ROOT / "build" / "bench" / "ledger"
MEMORY_BYTES = 1_100_000_000
"""What duckdb may hold; Python, duckdb's code and what it does not account for come on top."""

THREADS = 2
BOOK = """
format = 1
currency = "USD"
[[plans]]
slug = "standard"
title = "Standard"
about = "One."
effective_from = 2026-01-01
rate_per_second = 10
burst = 20
""" + "".join(
    f"""
[[prices]]
model = "{model}"
operation = "predict"
effective_from = 2026-01-01
mode = "graduated"
tiers = [{{ up_to = 100000, unit_price = "0.002" }}, {{ unit_price = "0.0015" }}]
"""
    for model in MODELS
)


class Bars:
    """A progress bar on stderr, rewritten in place at a terminal and a line a tenth elsewhere."""

    def __init__(self) -> None:
        self._last = ""

    def show(self, what: str, done: int, total: int) -> None:
        """Show how far it is."""
        fraction = done / total if total else 1.0
        text = f"{what:<9} [{'#' * int(fraction * 40):<40}] {fraction:4.0%}"
        if text == self._last:
            return
        if sys.stderr.isatty():
            print(f"\r{text}", end="" if done < total else "\n", file=sys.stderr, flush=True)
        elif text[:-5] != self._last[:-5]:
            print(text, file=sys.stderr, flush=True)
        self._last = text


def scan(lake: Path) -> dict[str, object]:
    """Have duckdb read and count the lake's lines by customer and model, nothing else."""
    import duckdb

    connection = duckdb.connect(config={"threads": THREADS, "memory_limit": f"{MEMORY_BYTES // 1_000_000}MB"})
    connection.execute("SET enable_progress_bar = false")
    started = time.perf_counter()
    used = connection.execute(
        "SELECT subject, data.model, count(*), sum(data.units) FROM read_json($files, format = 'newline_delimited', "
        "columns = {subject: 'VARCHAR', data: 'STRUCT(model VARCHAR, units BIGINT)'}) GROUP BY ALL",
        {"files": f"{lake}/usage/*/*/*.jsonl.gz"},
    ).fetchall()
    answered = connection.execute(
        "SELECT apiKeyId, resourcePath, count(*) FROM read_json($files, format = 'newline_delimited', "
        "columns = {apiKeyId: 'VARCHAR', resourcePath: 'VARCHAR'}) GROUP BY ALL",
        {"files": f"{lake}/access/*/*/*.jsonl.gz"},
    ).fetchall()
    return {
        "seconds": time.perf_counter() - started,
        "usage_lines": sum(row[2] for row in used),
        "access_lines": sum(row[2] for row in answered),
    }


def rate(lake: Path) -> dict[str, object]:
    """Count and rate the lake as an invoice run does; return what was charged and listed."""
    from ratecard.billing.lines import total_of
    from ratecard.billing.periods import BillingCalendar, parse_period
    from ratecard.billing.pricebook import parse_price_book
    from ratecard.billing.scope import Guards, Scope
    from ratecard.billing.segments import Assignment
    from ratecard.billing.statement import Inputs, rate_customer
    from ratecard.storage.sqllake import Limits, SqlLake

    book, june = parse_price_book(BOOK), parse_period(BillingCalendar("UTC"), "2026-06")
    names = [f"customer{number}" for number in range(CUSTOMERS)]
    assignments = [
        Assignment(f"key{number * 7_919:07d}", name, "standard", START_MS) for number, name in enumerate(names)
    ]
    scope = Scope(assignments, book, dict.fromkeys(names, june), Guards(START_MS + MONTH_MS + 86_400_000))
    limits = Limits(memory_bytes=MEMORY_BYTES, threads=THREADS)
    started = time.perf_counter()
    with tempfile.TemporaryDirectory(dir=lake.parent) as scratch:
        bars = Bars()
        counted = SqlLake(lake, limits, scratch=Path(scratch), on_progress=bars.show).count_usage(scope)
    inputs = Inputs(scope, counted, book)
    totals = [total_of(rate_customer(inputs, name)) for name in names]
    seconds = time.perf_counter() - started
    units: Counter[str] = Counter()
    retries = 0
    for count in counted.counts:
        if count.reason:
            retries += count.calls
        else:
            units[f"{count.customer.removeprefix('customer')} {count.model}"] += count.units
    faults = Counter(each.oddity for each in counted.exceptions)
    return {
        "seconds": seconds,
        "units": dict(sorted(units.items())),
        "faults": dict(sorted({**faults, "retry": retries}.items())),
        "damaged": counted.damaged,
        "total": str(sum(totals)),
    }


STEPS: dict[str, Callable[[Path], dict[str, object]]] = {"scan": scan, "rate": rate}


def measure(step: str, lake: Path) -> dict[str, object]:
    """Run a step in a process of its own, and add the most memory it held.

    Raises
    ------
    RuntimeError
        If it fails.
    """
    command = [sys.executable, "-m", "benchmarks.ledger", step, str(lake)]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False, env=dict(os.environ))
    if done.returncode:
        raise RuntimeError(f"{step} failed")
    found: dict[str, object] = json.loads(done.stdout.splitlines()[-1])
    return found


def run(calls: int) -> Report:
    """Make the lake, measure both steps in turn, check the answer, and report."""
    machine = describe_machine()
    lake = LAKES / str(calls)
    bars = Bars()
    truth = make_lake(lake, calls, lambda done, total: bars.show("lake", done, total))
    scanned, rated = measure("scan", lake), measure("rate", lake)
    right = rated["units"] == truth["units"] and rated["faults"] == truth["faults"] and not rated["damaged"]
    size = sum(path.stat().st_size for path in lake.rglob("*.jsonl.gz"))
    rows = (
        ("usage lines / access lines", f"{scanned['usage_lines']:,} / {scanned['access_lines']:,}"),
        ("files, compressed", f"{size / 1e9:.2f} GB"),
        ("duckdb scans and counts by customer and model", f"{rounded(float(str(scanned['seconds'])))} s"),
        ("the ledger joins, deduplicates and rates", f"{rounded(float(str(rated['seconds'])))} s"),
        ("most memory: scan / ledger", f"{scanned['peak_mb']:,} / {rated['peak_mb']:,} MB"),
        ("total of all invoices", f"{rated['total']} USD"),
    )
    ratio = float(str(rated["seconds"])) / float(str(scanned["seconds"]))
    return Report(
        name="ledger",
        title="The ledger at scale",
        machine=machine,
        tables=(
            Table(
                "A month's lake",
                ("", "measured"),
                rows,
                "Both in a process of its own, on the same files, two threads.",
            ),
        ),
        bars=(
            Bar("ledger, to duckdb's own scan and count", ratio, 4),
            Bar("most memory of the ledger", float(str(rated["peak_mb"])), 2_000, "MB"),
            Bar("units and exceptions unlike what was put in", float(not right), 0, ""),
        ),
        numbers={"calls": calls, "bytes": size, "scan": scanned, "rate": rated, "truth": truth},
    )


if __name__ == "__main__":
    outcome = STEPS[sys.argv[1]](Path(sys.argv[2]))
    outcome["peak_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(json.dumps(outcome))
