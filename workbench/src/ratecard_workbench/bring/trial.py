"""Trying a staged model as Lambda will run it: the real handler, in a process of its own, without numpy.

The same process answers the sample (for fidelity) and the sample events, and is timed against a function that answers a
constant.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ratecard_workbench.bring.jail import BringError
from ratecard_workbench.local.launch import find_native_directory

PROGRAM = Path(__file__).parent / "trial_program.py"
COLD_STARTS = 5
COLD_BARS = {"lightgbm": 2.0, "xgboost": 2.0, "onnx": 2.75}
"""What a cold start may take at most, over the constant's, on a machine that does nothing else; by engine."""

TIMEOUT_SECONDS = 600


@dataclass(frozen=True, slots=True)
class Speed:
    """How fast a model is beside a function that answers a constant, in the same minute on the same machine.

    Attributes
    ----------
    cold_milliseconds, cold_ratio : float
        From the start of the process to its first answer, median; and over the constant's.
    warm_milliseconds, warm_extra_milliseconds : float
        One later call in the function, median; and what it takes longer than the constant.
    load, processors : float, int
        Processes that wanted to run meanwhile, over the last minute; and processors there were for them.
    """

    cold_milliseconds: float
    cold_ratio: float
    warm_milliseconds: float
    warm_extra_milliseconds: float
    load: float
    processors: int

    @property
    def is_disturbed(self) -> bool:
        """Whether more wanted to run than there were processors, so that the figures say little."""
        return self.load > self.processors


def native_folder(root: Path) -> Path:
    """Return the folder of the engines' libraries.

    Raises
    ------
    BringError
        If they are not built.
    """
    folder = find_native_directory(root)
    if folder is None:
        raise BringError("the engines' libraries are not built yet; run `make native`")
    return folder


def run_program(root: Path, source: Path, request: Mapping[str, object]) -> dict[str, Any]:
    """Run the program on a model's source folder and return its answer.

    Raises
    ------
    BringError
        If the model does not start or does not answer.
    """
    environment = {"PATH": os.defpath, "RATECARD_NATIVE_DIR": str(native_folder(root)), "LANG": "C.UTF-8"}
    command = [sys.executable, "-I", "-B", str(PROGRAM), str(source), str(root / "layers" / "ratecard" / "src")]
    finished = subprocess.run(
        command,
        input=json.dumps(request),
        capture_output=True,
        text=True,
        env=environment,
        timeout=TIMEOUT_SECONDS,
        check=False,
    )
    lines = finished.stdout.splitlines()
    if finished.returncode or not lines:
        last = finished.stderr.strip().splitlines()[-1:] or ["no message"]
        raise BringError(f"the lowered model does not run: {last[0][:300]}")
    answer: dict[str, Any] = json.loads(lines[-1])
    return answer


def measure_speed(root: Path, source: Path, package: str, event: Mapping[str, object]) -> Speed:
    """Start model and constant in turn, some times each, and compare the medians."""
    cold: dict[str, list[float]] = {"": [], package: []}
    warm: dict[str, list[float]] = {"": [], package: []}
    for _ in range(COLD_STARTS):
        for name, starts in cold.items():
            begun = time.time()
            answer = run_program(root, source, {"task": "time", "package": name, "event": event})
            starts.append((answer["first_at"] - begun) * 1000)
            warm[name].append(answer["warm_seconds"] * 1000)
    slow, floor = (statistics.median(cold[name]) for name in (package, ""))
    call, constant = (statistics.median(warm[name]) for name in (package, ""))
    load = round(os.getloadavg()[0], 1)
    return Speed(
        cold_milliseconds=round(slow, 1),
        cold_ratio=round(slow / floor, 2),
        warm_milliseconds=round(call, 3),
        warm_extra_milliseconds=round(call - constant, 3),
        load=load,
        processors=os.cpu_count() or 1,
    )
