"""Runs a job on this machine: plan, then all parts at once on all processors, then collect."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ratecard.kernel.errors import ErrorKind, RatecardError
from ratecard.serving.batch.steps import PARTS
from ratecard_workbench.batch.closing import close_job, remove_partials
from ratecard_workbench.batch.crew import Crew, StepFailedError
from ratecard_workbench.batch.registry import Entry, Registry, digest_of, forget_failure
from ratecard_workbench.local.application import FunctionSpec

LOOK_SECONDS = 0.1
PATIENCE = 4
"""A part is given so many times the function's timeout, for this machine may be slower; then its worker hangs."""


class StoppedError(RatecardError):
    """Somebody asked the job to stop."""

    code = "batch_stopped"
    kind = ErrorKind.CONFLICT


class ResultsGoneError(RatecardError):
    """The job is billed, and its results are not where they were."""

    code = "batch_results_gone"
    kind = ErrorKind.CONFLICT


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a job is.

    Attributes
    ----------
    parts, of : int
        Parts scored, and all.
    rows : int
        Rows read so far.
    """

    parts: int
    of: int
    rows: int


@dataclass(frozen=True, slots=True)
class Workplace:
    """What a job needs of this machine.

    Attributes
    ----------
    spec : FunctionSpec
        The model's batch function.
    environment : dict of str to str
        Its variables.
    lake : Path
        Where usage lines go.
    workers : int
        Processes.
    """

    spec: FunctionSpec
    environment: dict[str, str]
    lake: Path
    workers: int

    def crew(self, workers: int | None = None) -> Crew:
        """Start the workers, or fewer."""
        environment = {**self.environment, **self.spec.environment, "RATECARD_OBJECT_ROOT": "/"}
        return Crew(self.spec.handler, self.spec.paths, environment, lake=self.lake, size=workers or self.workers)


def run_job(entry: Entry, registry: Registry, place: Workplace, tell: Callable[[Progress], None]) -> dict[str, Any]:
    """Run a job to its end, from wherever it is; one that failed is tried again.

    Parameters
    ----------
    entry, registry
        The job.
    place : Workplace
        Where it runs.
    tell : callable
        Told after the plan and after each part.

    Returns
    -------
    dict
        The manifest; of a job that had succeeded before, that one, and nothing is done.

    Raises
    ------
    StepFailedError
        If a step failed; the job can be resumed.
    StoppedError
        If somebody asks it to stop.
    ResultsGoneError
        If it had succeeded before, and its results are no longer there.
    """
    with registry.hold(entry):
        finished = entry.find_result()
        if finished is None:
            finished = _go_on(entry, registry, place, tell)
        close_job(entry, finished)
        return finished


def _go_on(entry: Entry, registry: Registry, place: Workplace, tell: Callable[[Progress], None]) -> dict[str, Any]:
    bill = entry.find_bill()
    if bill is not None:
        raise ResultsGoneError(
            f"{entry.job.name}: batch {entry.id} was scored and billed at {bill['finished_at']}, and its results are no"
            f" longer in {entry.results}; put them back, or order with another --out, which is another charge"
        )
    if registry.is_asked_to_stop(entry):
        raise StoppedError(f"batch {entry.id} is being cancelled")
    forget_failure(entry)
    _forget_other_content(entry)
    remove_partials(entry)
    with place.crew() as crew, _stopping(entry, registry, crew):
        return _run_steps(entry, crew, place, tell)


def _run_steps(entry: Entry, crew: Crew, place: Workplace, tell: Callable[[Progress], None]) -> dict[str, Any]:
    job = entry.job.document()
    planned = crew.ask({"operation": "plan", "job": job})
    if planned["status"] != "planned":
        return planned
    parts = json.loads((entry.work / PARTS).read_text())
    rows = 0
    tell(Progress(0, len(parts), 0))
    events = ({"operation": "score", "job": job, "part": part} for part in parts)
    scoring = crew.ask_all(events, seconds=PATIENCE * place.spec.timeout_seconds)
    for done, note in enumerate(scoring, 1):
        if note["status"] == "failed":
            break
        rows += note["scored"] + note["rejected"]
        tell(Progress(done, len(parts), rows))
    else:
        return crew.ask({"operation": "collect", "job": job})
    # The file shows in one part that it is none of rows as a whole; what else is under way does not matter.
    return note if "object" in note else crew.ask({"operation": "fail", "job": job, **reason_of(note)})


@contextmanager
def _stopping(entry: Entry, registry: Registry, crew: Crew) -> Iterator[None]:
    """Kill the workers as soon as somebody asks the job to stop, whatever they are at.

    Raises
    ------
    StoppedError
        In the place of the failure that this makes.
    """
    over, asked = threading.Event(), threading.Event()

    def watch() -> None:
        while not over.wait(LOOK_SECONDS):
            if registry.is_asked_to_stop(entry):
                asked.set()
                crew.stop()
                return

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    except StepFailedError:
        if not asked.is_set():
            raise
        raise StoppedError(f"batch {entry.id} was cancelled") from None
    finally:
        over.set()
        watcher.join()


def _forget_other_content(entry: Entry) -> None:
    """Drop parts of a content that the file has no more, though its time and size are the same."""
    plan = entry.find_plan()
    if plan is None or entry.is_settled():
        return
    if entry.file.exists() and plan["input"]["sha256"] != digest_of(entry.file):
        shutil.rmtree(entry.work, ignore_errors=True)


def reason_of(note: dict[str, Any]) -> dict[str, Any]:
    """Take the reason from a failed part's note."""
    return {"reason": note["reason"], "problems": note.get("problems", [])}
