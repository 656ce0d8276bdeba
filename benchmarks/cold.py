"""Cold start and warm call of every model under AWS's Runtime Interface Emulator, beside a no-op and the usual ways."""

from __future__ import annotations

import json
import sys
import time
from contextlib import ExitStack
from dataclasses import dataclass
from statistics import median, quantiles
from typing import Any

from benchmarks import attribution
from benchmarks.contestants import EXPLAINED, FASTAPI, NOOP, OURS, OURS_EXPLAINED, Contestant, assemble_contestants
from benchmarks.deployment import Deployment, build_deployment
from benchmarks.emulator import Emulator
from benchmarks.environments import BUILD, find_lambda_python, version_of
from benchmarks.machine import describe_machine
from benchmarks.models import REFERENCE, ZIP_MEGABYTES, BenchModel, find_models
from benchmarks.report import Bar, Report, Table

WARM_UP_CALLS = 30
SETTLE_SECONDS = 0.3
BATCH_CALLS = 20
TOLERANCE = 1e-12


@dataclass(frozen=True, slots=True)
class Times:
    """What was measured of one function, in seconds.

    Attributes
    ----------
    cold : list of float
        One for each round: the first call on a fresh emulator.
    warm : list of float
        All further calls of all rounds.
    """

    cold: list[float]
    warm: list[float]


class UnequalAnswersError(RuntimeError):
    """The functions do not answer the same probability: what they take cannot be compared."""


def measure(contestants: tuple[Contestant, ...], rounds: int, calls: int) -> dict[str, Times]:
    """Call every function in turn, round after round, so that a noisy minute meets all of them.

    Parameters
    ----------
    rounds : int
        Cold starts of each function.
    calls : int
        Timed warm calls of each function in each round, a multiple of `BATCH_CALLS`.

    Raises
    ------
    UnequalAnswersError
        If a function fails, or one that serves the same model answers another probability than ours.
    """
    times = {contestant.name: Times([], []) for contestant in contestants}
    answers: dict[str, float] = {}
    for number in range(rounds):
        print(f"bench: cold, round {number + 1} of {rounds}", file=sys.stderr)
        with ExitStack() as stack:
            emulators = []
            # Another one is first in each round: what stands behind a slow one is not slower for it.
            turn = number % len(contestants)
            for contestant in contestants[turn:] + contestants[:turn]:
                emulator, answer = start_cold(contestant, times[contestant.name], stack)
                emulators.append((contestant, emulator))
                if contestant.model:
                    prediction = prediction_in(contestant, answer)
                    if contestant.model == REFERENCE:
                        answers[contestant.name] = float(prediction["probability_of_default"])
            for _ in range(calls // BATCH_CALLS):
                for contestant, emulator in emulators:
                    call_warm(contestant, emulator, times[contestant.name])
    if max(answers.values()) - min(answers.values()) > TOLERANCE:
        raise UnequalAnswersError(f"probabilities differ: {answers}")
    return times


def start_cold(contestant: Contestant, times: Times, stack: ExitStack) -> tuple[Emulator, bytes]:
    """Time the first call on a fresh emulator, and warm it up; the emulator stays for the round's warm calls."""
    time.sleep(SETTLE_SECONDS)
    log = BUILD / "emulator.log"
    emulator = Emulator(contestant.command, contestant.environment, contestant.folder, log)
    stack.enter_context(emulator)
    seconds, answer = emulator.invoke(contestant.event)
    times.cold.append(seconds)
    for _ in range(WARM_UP_CALLS):
        emulator.invoke(contestant.event)
    return emulator, answer


def call_warm(contestant: Contestant, emulator: Emulator, times: Times) -> None:
    """Time one batch of warm calls; the first two wake the processor's caches up and are not counted."""
    for _ in range(2):
        emulator.invoke(contestant.event)
    times.warm.extend(emulator.invoke(contestant.event)[0] for _ in range(BATCH_CALLS))


def prediction_in(contestant: Contestant, answer: bytes) -> dict[str, Any]:
    """Return the prediction in a function's answer; reasons must be in it where they were asked for, and only there.

    Raises
    ------
    UnequalAnswersError
        If it does not answer. A sample row that is owed reasons unasked would be timed with them: it must not be.
    """
    name = contestant.name
    try:
        prediction: dict[str, Any] = json.loads(json.loads(answer)["body"])["predictions"][0]
    except (ValueError, LookupError) as error:
        raise UnequalAnswersError(f"{name} does not answer: {answer[:300]!r} (see {BUILD / 'emulator.log'})") from error
    if contestant.explained is not None and contestant.explained != ("reasons" in prediction):
        raise UnequalAnswersError(
            f"{name}: an approved row {'with' if contestant.explained else 'without'} reasons was expected"
        )
    return prediction


def times_table(times: dict[str, Times]) -> Table:
    """Return medians, spread and ratios to the no-op function."""
    cold, warm = median(times[NOOP].cold), median(times[NOOP].warm)
    rows = []
    for name, one in times.items():
        low, _, high = quantiles(one.cold, n=4)
        rows.append(
            (
                name,
                f"{median(one.cold) * 1e3:,.1f}",
                f"{low * 1e3:,.1f} - {high * 1e3:,.1f}",
                f"{median(one.cold) / cold:.2f}",
                f"{median(one.warm) * 1e3:.3f}",
                f"{median(one.warm) / warm:.2f}",
            )
        )
    one = times[NOOP]
    note = f"Medians of {len(one.cold)} cold starts and {len(one.warm):,} warm calls of each function, in turn."
    return Table(
        "Cold start and warm call",
        ("function", "cold, ms", "middle half", "x no-op", "warm, ms", "x no-op"),
        tuple(rows),
        note,
    )


def bars_of(times: dict[str, Times], deployment: Deployment, models: tuple[BenchModel, ...]) -> tuple[Bar, ...]:
    """Return the bars of DESIGN.md, section 3, for every model by its engine."""
    cold = {name: median(one.cold) for name, one in times.items()}
    return (
        *(bar for model in models for bar in model_bars(times, deployment, model)),
        Bar(f"cold start with reasons, {OURS} to no-op", cold[OURS_EXPLAINED] / cold[NOOP], 2.0),
        Bar(f"cold start, {FASTAPI} to {OURS}", cold[FASTAPI] / cold[OURS], 12.0, at_least=True),
        Bar("native layer, unzipped", deployment.native_bytes / 1e6, 65, "MB"),
    )


def model_bars(times: dict[str, Times], deployment: Deployment, model: BenchModel) -> list[Bar]:
    """Return the bars of one model."""
    slug, noop = model.slug, times[NOOP]
    floor = median(noop.warm)
    bars = [
        Bar(
            f"{slug} ({model.engine}): cold start, to no-op",
            median(times[slug].cold) / median(noop.cold),
            model.cold_limit,
        ),
        Bar(f"{slug}: warm call, to no-op", median(times[slug].warm) / floor, model.warm_limit),
    ]
    if model.contract.reasons:
        explained = median(times[slug + EXPLAINED].warm)
        bars.append(Bar(f"{slug}: warm call with reasons, to no-op", explained / floor, model.reasons_limit))
    return [*bars, Bar(f"{slug}: zip", deployment.zip_bytes[slug] / 1e6, ZIP_MEGABYTES, "MB")]


def run(rounds: int = 25, calls: int = 60) -> Report:
    """Measure and report.

    Parameters
    ----------
    rounds : int
        Cold starts of each function, >= 2.
    calls : int
        Timed warm calls a round.
    """
    python = find_lambda_python()
    machine = describe_machine() | {"functions run by": f"Python {version_of(python)}"}
    models = find_models()
    deployment = build_deployment(python, models)
    contestants = assemble_contestants(deployment, python, models)
    times = measure(contestants, rounds, calls)
    ours = next(contestant for contestant in contestants if contestant.name == OURS)
    parts = attribution.measure_parts(ours, repeats=max(5, rounds))
    sizes = {
        **{f"zip of {slug}": size for slug, size in deployment.zip_bytes.items()},
        "ratecard layer": deployment.layer_bytes,
        "native layer": deployment.native_bytes,
    }
    return Report(
        name="cold",
        title="Cold start and warm call",
        machine=machine,
        tables=(
            times_table(times),
            *attribution.tables(parts, median(times[NOOP].cold), median(times[OURS].cold)),
            attribution.imports_table(ours),
            sizes_table(sizes),
        ),
        bars=bars_of(times, deployment, models),
        numbers={
            "seconds": {name: numbers_of(one) for name, one in times.items()},
            "bytes": sizes,
            "parts_seconds": parts,
        },
    )


def numbers_of(times: Times) -> dict[str, list[float]]:
    """Return every cold start and the deciles of the warm calls, in seconds."""
    return {"cold": times.cold, "warm_deciles": quantiles(times.warm, n=10)}


def sizes_table(sizes: dict[str, int]) -> Table:
    """Return what is deployed, in megabytes."""
    rows = tuple((name, f"{size / 1e6:.2f}") for name, size in sizes.items())
    return Table("What is deployed", ("part", "MB"), rows, "Zips are compressed; layers are unzipped.")
