"""`python -m benchmarks [name ...]`, all without a name: measure, print, store under benchmarks/results."""

from __future__ import annotations

import argparse
import importlib
import subprocess
import sys
from pathlib import Path

from benchmarks.report import RESULTS, Report, store_report

NAMES = ("cold", "line", "serving", "peers", "ledger", "up", "batch", "growth")


def parse_options(arguments: list[str] | None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description="Measure every claim of speed, peers in the same run."
    )
    parser.add_argument("names", nargs="*", default=["all"], choices=[*NAMES, "all"], metavar="|".join([*NAMES, "all"]))
    parser.add_argument("--rounds", type=int, default=25, help="cold: cold starts of each function (default 25)")
    parser.add_argument("--calls", type=int, default=60, help="cold: timed warm calls a round (default 60)")
    parser.add_argument(
        "--seconds", type=float, default=60, help="serving: load at each number of connections (default 60)"
    )
    parser.add_argument(
        "--peer-rounds", type=int, default=5, help="peers: how often each server is measured (default 5)"
    )
    parser.add_argument("--peer-seconds", type=float, default=8, help="peers: load in each round (default 8)")
    parser.add_argument(
        "--lake-calls",
        type=int,
        default=5_000_000,
        help="ledger: calls in the lake (default 5,000,000; 50,000,000 need 11 GB of disk for it and 10 for the count)",
    )
    parser.add_argument("--starts", type=int, default=5, help="up: starts of the platform (default 5)")
    parser.add_argument("--batch-rows", type=int, default=10_000_000, help="batch: rows compared (default 10,000,000)")
    parser.add_argument(
        "--growth-sizes",
        type=int,
        nargs="+",
        default=[1_000_000, 10_000_000, 50_000_000],
        help="growth: rows of each file (50,000,000 need 16 GB of disk)",
    )
    parser.add_argument(
        "--quick", action="store_true", help="a trial run of a minute or two; its numbers are not for keeping"
    )
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder of the stored results")
    options = parser.parse_args(arguments)
    if options.quick:
        options.batch_rows, options.growth_sizes = min(options.batch_rows, 500_000), [500_000, 1_000_000]
        options.lake_calls = min(options.lake_calls, 500_000)
        options.starts = min(options.starts, 2)
        options.rounds, options.calls, options.seconds, options.peer_rounds, options.peer_seconds = 3, 60, 4, 1, 4
    return options


def measure(name: str, options: argparse.Namespace) -> Report:
    """Run one benchmark. Each is imported when it is its turn: none needs what another needs."""
    module = importlib.import_module(f"benchmarks.{name}")
    arguments = {
        "cold": {"rounds": options.rounds, "calls": options.calls},
        "serving": {"seconds": options.seconds},
        "up": {"rounds": options.starts},
        "ledger": {"calls": options.lake_calls},
        "batch": {"rows": options.batch_rows},
        "growth": {"sizes": tuple(sorted(options.growth_sizes))},
        "peers": {"rounds": options.peer_rounds, "seconds": options.peer_seconds},
    }
    report: Report = module.run(**arguments.get(name, {}))
    return report


def main(arguments: list[str] | None = None) -> int:
    """Run what was asked for; a bar that is missed is said, and is not a failure of the run.

    Returns
    -------
    int
        0, or 1 if a benchmark could not be run.
    """
    options = parse_options(arguments)
    failed = False
    for name in NAMES if "all" in options.names else options.names:
        try:
            report = measure(name, options)
        except (RuntimeError, OSError, subprocess.SubprocessError) as error:
            print(f"bench: {name} could not be run: {error}", file=sys.stderr)
            failed = True
            continue
        store_report(report, options.results)
        print(report.markdown(), flush=True)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
