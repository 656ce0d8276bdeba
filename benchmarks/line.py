"""What metering costs a call: the usage line, its digest and its write to a real pipe."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from benchmarks.contestants import lambda_environment
from benchmarks.deployment import build_deployment
from benchmarks.environments import EnvironmentNotReadyError, ensure_environment, find_lambda_python, version_of
from benchmarks.machine import describe_machine
from benchmarks.models import REFERENCE, get_model
from benchmarks.report import Bar, Report, Table

PROBE = Path(__file__).parent / "lambdas" / "line_probe.py"


def measure(python: str) -> tuple[dict[str, float], int]:
    """Run the probe with its stdout on a pipe that is read meanwhile; return its numbers and the lines that arrived.

    Raises
    ------
    EnvironmentNotReadyError
        If the probe fails.
    """
    deployment = build_deployment(python, (get_model(REFERENCE),))
    command = [str(ensure_environment("runtime", python)), str(PROBE)]
    environment = lambda_environment(deployment.tasks[REFERENCE], deployment.layer)
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise EnvironmentNotReadyError(f"the probe failed:\n{done.stderr[-2000:]}")
    return json.loads(done.stderr.splitlines()[-1]), len(done.stdout.splitlines())


def run() -> Report:
    """Measure and report."""
    python = find_lambda_python()
    machine = describe_machine() | {"functions run by": f"Python {version_of(python)}"}
    numbers, arrived = measure(python)
    rows = (
        ("time, median", f"{numbers['p50'] * 1e6:.1f} us"),
        ("time, 99th percentile", f"{numbers['p99'] * 1e6:.1f} us"),
        ("size", f"{numbers['bytes']:.0f} B"),
        ("size with the longest Idempotency-Key", f"{numbers['bytes_longest']:.0f} B"),
        ("lines written / arrived", f"{numbers['count']:,} / {arrived:,}"),
    )
    note = "All that metering adds: caller and work, the body's SHA-256, the line, one write to a pipe with a reader."
    return Report(
        name="line",
        title="The usage line",
        machine=machine,
        tables=(Table("The usage line", ("", "measured"), rows, note),),
        bars=(
            Bar("usage line, median", numbers["p50"] * 1e6, 50, "us"),
            Bar("longest usage line", numbers["bytes_longest"], 1024, "B"),
            Bar("lines lost", numbers["count"] - arrived, 0, ""),
        ),
        numbers={**numbers, "arrived": arrived},
    )
