"""Runs a job on this machine: plan, then all parts at once on all processors, then collect."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ratecard.kernel.errors import ErrorKind, RatecardError
from ratecard.serving.batch.steps import PARTS
from ratecard_workbench.batch.crew import Crew
from ratecard_workbench.batch.registry import Entry, Registry
from ratecard_workbench.local.application import FunctionSpec


class StoppedError(RatecardError):
    """Somebody asked the job to stop."""

    code = "batch_stopped"
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
class Place:
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


def run_job(entry: Entry, registry: Registry, place: Place, tell: Callable[[Progress], None]) -> dict[str, Any]:
    """Run a job to its end, from wherever it is.

    Parameters
    ----------
    entry, registry
        The job.
    place : Place
        Where it runs.
    tell : callable
        Told after the plan and after each part.

    Returns
    -------
    dict
        The manifest.

    Raises
    ------
    StepFailedError
        If a step failed; the job can be resumed.
    StoppedError
        If somebody asked it to stop.
    """
    with registry.hold(entry), place.crew() as crew:
        job = entry.job.document()
        planned = crew.ask({"operation": "plan", "job": job})
        if planned["status"] != "planned":
            return planned
        parts = json.loads((entry.work / PARTS).read_text())
        rows = 0
        tell(Progress(0, len(parts), 0))
        scoring = crew.ask_all({"operation": "score", "job": job, "part": part} for part in parts)
        for done, note in enumerate(scoring, 1):
            if registry.is_asked_to_stop(entry):
                raise StoppedError(f"batch {entry.id} was asked to stop")
            if note["status"] == "failed":
                break
            rows += note["scored"] + note["rejected"]
            tell(Progress(done, len(parts), rows))
        else:
            return crew.ask({"operation": "collect", "job": job})
        # The file shows in one part that it is none of rows as a whole; what else is under way does not matter.
        return note if "object" in note else crew.ask({"operation": "fail", "job": job, **reason_of(note)})


def reason_of(note: dict[str, Any]) -> dict[str, Any]:
    """Take the reason from a failed part's note."""
    return {"reason": note["reason"], "problems": note.get("problems", [])}
