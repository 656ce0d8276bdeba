"""`ratecard up` with every model: how long until all of them have answered, and the memory of all of them at rest."""

from __future__ import annotations

import json
import sys
import time
from dataclasses import dataclass
from statistics import median

from benchmarks.local_platform import running_platform
from benchmarks.machine import ROOT, describe_machine
from benchmarks.models import BenchModel, find_models
from benchmarks.report import Bar, Report, Table
from ratecard.contract.sample import sample_row

READY_SECONDS = 5.0
IDLE_MEGABYTES = 400.0
"""Bars of the catalogue: all models ready, and the memory at rest."""


@dataclass(frozen=True, slots=True)
class Start:
    """One start of the platform.

    Attributes
    ----------
    answering : float
        Seconds from the start of the command until it says that it answers.
    ready : float
        Seconds until every model, one after another, has answered a call.
    gateway_bytes, worker_bytes : int
        Memory at rest afterwards, each model with one worker that stays warm.
    """

    answering: float
    ready: float
    gateway_bytes: int
    worker_bytes: int


def start_once(models: tuple[BenchModel, ...]) -> Start:
    """Start a platform in a fresh home, call every model, wait until nothing is left to do, weigh it, stop it."""
    with running_platform(ROOT, "up") as platform:
        answering = time.perf_counter() - platform.started
        for model in models:
            platform.call(f"/v1/models/{model.slug}/predict", json.dumps(sample_row(model.contract)).encode())
        ready = time.perf_counter() - platform.started
        platform.await_quiet()
        memory = platform.proportional_bytes()
    return Start(answering, ready, memory["gateway"], memory["workers"])


def run(rounds: int = 5) -> Report:
    """Measure and report.

    Parameters
    ----------
    rounds : int
        Starts, >= 1.
    """
    machine, models = describe_machine(), find_models()
    starts = []
    for number in range(rounds):
        print(f"bench: up, round {number + 1} of {rounds}", file=sys.stderr)
        starts.append(start_once(models))
    ready = median(start.ready for start in starts)
    idle = median(start.gateway_bytes + start.worker_bytes for start in starts) / 1e6
    return Report(
        name="up",
        title=f"`ratecard up` with {len(models)} models",
        machine=machine,
        tables=(starts_table(starts),),
        bars=(
            Bar("every model has answered", ready, READY_SECONDS, "s"),
            Bar("memory at rest", idle, IDLE_MEGABYTES, "MB"),
        ),
        numbers={
            "models": [model.slug for model in models],
            "starts": [
                {
                    "answering_seconds": start.answering,
                    "ready_seconds": start.ready,
                    "gateway_bytes": start.gateway_bytes,
                    "worker_bytes": start.worker_bytes,
                }
                for start in starts
            ],
        },
    )


def starts_table(starts: list[Start]) -> Table:
    """Return every start."""
    rows = tuple(
        (
            str(number),
            f"{start.answering:.2f}",
            f"{start.ready:.2f}",
            f"{start.gateway_bytes / 1e6:.0f}",
            f"{start.worker_bytes / 1e6:.0f}",
        )
        for number, start in enumerate(starts, 1)
    )
    note = (
        "From the start of the command, in a fresh home, with everything installed. Memory is the proportional set "
        "size, each model with one warm worker; pages that processes share count once."
    )
    return Table("Starts", ("start", "answers, s", "all models, s", "gateway, MB", "workers, MB"), rows, note)
