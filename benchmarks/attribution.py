"""Where the time goes: a cold start taken apart, and the imports that cost most."""

from __future__ import annotations

import json
import re
import subprocess
import time
from pathlib import Path
from statistics import median

from benchmarks.contestants import Contestant
from benchmarks.environments import BUILD
from benchmarks.report import Table

PROBE = Path(__file__).parent / "lambdas" / "probe.py"
PACKAGE = "credit_rating"
LABELS = {
    "python": "Python itself (`python -c pass`)",
    "awslambdaric": "import of awslambdaric, AWS's runtime client",
    "contract": "import: contract and kernel",
    "_hashlib": "import: _hashlib, which loads OpenSSL for SHA-256",
    "ctypes": "import: ctypes",
    "engines": "import: engine",
    "serving": "import: serving and metering",
    "dlopen": "open libgomp and lib_lightgbm.so",
    "manifest": "read the artifact, verify its SHA-256",
    "model": "load the model's trees, bind decision and handler",
    "first call": "first call: parse, score, decide, usage line",
}
FLOOR = ("python", "awslambdaric")
SHOWN_IMPORTS = 12


def measure_parts(ours: Contestant, repeats: int) -> dict[str, float]:
    """Return the median seconds of each part of a cold start of our function.

    Parameters
    ----------
    repeats : int
        Fresh processes to take the median of.
    """
    event = BUILD / "event.json"
    event.write_bytes(ours.event)
    runs = [probe(ours, event) | {"python": bare_start(ours)} for _ in range(repeats)]
    return {name: median(run[name] for run in runs) for name in runs[0]}


def probe(ours: Contestant, event: Path) -> dict[str, float]:
    """Run the probe once in a fresh process."""
    done = run_python(ours, str(PROBE), PACKAGE, str(event))
    seconds: dict[str, float] = json.loads(done.splitlines()[-1])
    return seconds


def bare_start(ours: Contestant) -> float:
    """Return the seconds of starting and ending the interpreter with nothing to do."""
    start = time.perf_counter()
    run_python(ours, "-c", "pass")
    return time.perf_counter() - start


def run_python(ours: Contestant, *arguments: str) -> str:
    """Run the function's interpreter in its environment; return what it wrote to stderr."""
    command = [ours.command[0], *arguments]
    return subprocess.run(
        command, env=ours.environment, cwd=ours.folder, capture_output=True, text=True, check=True
    ).stderr


def tables(parts: dict[str, float], noop_cold: float, our_cold: float) -> tuple[Table, ...]:
    """Return the table of a cold start's parts.

    Parameters
    ----------
    parts : dict
        From `measure_parts`.
    noop_cold, our_cold : float
        Seconds of the cold starts measured under the emulator, to compare the sum with.
    """
    own = {name: seconds for name, seconds in parts.items() if name in LABELS and name not in FLOOR}
    rows = [(LABELS[name], f"{parts[name] * 1e3:.2f}") for name in LABELS]
    rows.append(("**ours beside the runtime: sum of all but the first two**", f"{sum(own.values()) * 1e3:.2f}"))
    rows.append(("for comparison: cold start of ours less cold start of no-op", f"{(our_cold - noop_cold) * 1e3:.2f}"))
    calls = ("warm call", "warm call with reasons", "first call with reasons")
    rows += [(f"inside the function: {name}", f"{parts[name] * 1e3:.3f}") for name in calls]
    return (
        Table(
            "Where a cold start goes", ("part", "ms"), tuple(rows), "Medians of fresh processes, without the emulator."
        ),
    )


def imports_table(ours: Contestant) -> Table:
    """Return the costliest imports of our function, its own time, from `python -X importtime`."""
    text = run_python(
        ours, "-X", "importtime", "-c", f"import awslambdaric.bootstrap, {PACKAGE}.handler, ratecard.serving.rest"
    )
    lines = re.findall(r"import time:\s*(\d+) \|\s*(\d+) \|\s*(\S+)", text)
    names = [name for _, _, name in lines]
    # Children come before their parent: all after the runtime client is ours.
    after = lines[names.index("awslambdaric.bootstrap") + 1 :]
    costly = sorted(after, key=lambda line: -int(line[0]))[:SHOWN_IMPORTS]
    rows = tuple((f"`{name}`", f"{int(own) / 1e3:.2f}") for own, _, name in costly)
    note = (
        f"{len(after)} modules beside the runtime's own; `{PACKAGE}.handler` includes opening the library and loading "
        "the model."
    )
    return Table("Costliest imports of ours", ("module", "own time, ms"), rows, note)
