"""One model, 300 trees x 24 features, behind five serving frameworks and behind `ratecard up`, in the same run."""

from __future__ import annotations

import json
import sys
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median

from benchmarks.environments import version_of
from benchmarks.load import Load, Target, apply_load, generator_name
from benchmarks.local_platform import running_platform
from benchmarks.machine import describe_machine
from benchmarks.report import Bar, Report, Table
from benchmarks.rowmodel import PATH, Pair, ensure_model, ensure_project, sample_row
from benchmarks.servers import PEERS, Peer, find_version, probability_in, running_peer

CONNECTIONS = 8
WARM_UP_SECONDS = 2
SETTLE_SECONDS = 1
OURS = "Ratecard"
OUR_NOTE = "`ratecard up`: key, throttle, quota, contract, access and usage line; functions in processes of their own"
BEATEN = ("LitServe", "BentoML", "MLServer")
AIMED = ("FastAPI", "MLServer, no worker pool")
TOLERANCE = 1e-12


class UnequalAnswersError(RuntimeError):
    """The servers do not answer the same probability: what they do in a second cannot be compared."""


@dataclass(slots=True)
class Outcome:
    """What one server did.

    Attributes
    ----------
    note : str
        How it is set up and what it does beside scoring.
    loads : list of Load
        One for each round.
    """

    note: str
    loads: list[Load] = field(default_factory=list)

    @property
    def per_second(self) -> float:
        """Median requests a second over the rounds."""
        return median(load.per_second for load in self.loads)


class Comparison:
    """The servers, measured in turn, each started fresh in each round.

    Parameters
    ----------
    model : Pair
        The trained model.
    project : Path
        The project that publishes it with Ratecard.
    seconds : float
        Load in each round.
    """

    def __init__(self, model: Pair, project: Path, seconds: float) -> None:
        self._model = model
        self._project = project
        self._seconds = seconds
        self._answers: dict[str, float] = {}
        self._labels = {peer.name: label_of(peer) for peer in PEERS}
        notes = {self._labels[peer.name]: peer.note for peer in PEERS}
        self.outcomes = {OURS: Outcome(OUR_NOTE)} | {name: Outcome(note) for name, note in notes.items()}

    def measure_round(self) -> None:
        """Start, check, warm up, load and stop every server once."""
        with running_platform(self._project, "peers") as platform:
            target = platform.target(PATH, json.dumps(sample_row()).encode())
            answer = target.call()["predictions"]
            assert isinstance(answer, list)
            self._load(OURS, target, float(answer[0]["probability_of_default"]))
        for peer in PEERS:
            time.sleep(SETTLE_SECONDS)
            with running_peer(peer, self._model) as target:
                self._load(self._labels[peer.name], target, probability_in(target.call()))

    def speed_against(self, name: str) -> tuple[str, float]:
        """Return a peer's label, and our requests a second to its own."""
        label = self._labels[name]
        return label, self.outcomes[OURS].per_second / self.outcomes[label].per_second

    def _load(self, name: str, target: Target, probability: float) -> None:
        """Compare the answer, warm up, measure."""
        self._answers[name] = probability
        if abs(probability - self._answers[OURS]) > TOLERANCE:
            raise UnequalAnswersError(f"probabilities differ: {self._answers}")
        apply_load(target, CONNECTIONS, WARM_UP_SECONDS)
        # wrk hangs up with calls under way; they end before the next eight callers come.
        time.sleep(SETTLE_SECONDS)
        self.outcomes[name].loads.append(apply_load(target, CONNECTIONS, self._seconds))


def label_of(peer: Peer) -> str:
    """Return a peer's name with its version."""
    name, comma, rest = peer.name.partition(",")
    return f"{name} {find_version(peer)}{comma}{rest}"


def speed_table(outcomes: dict[str, Outcome]) -> Table:
    """Return requests a second, fastest first."""
    ours = outcomes[OURS].per_second
    ordered = sorted(outcomes.items(), key=lambda item: -item[1].per_second)
    rows = tuple(
        (
            f"**{name}**" if name == OURS else name,
            f"{outcome.per_second:,.0f}",
            f"{outcome.per_second / ours:.2f}",
            f"{median(load.p50_ms for load in outcome.loads):.2f}",
            f"{median(load.p99_ms for load in outcome.loads):.1f}",
            str(sum(load.failed for load in outcome.loads)),
            outcome.note,
        )
        for name, outcome in ordered
    )
    load = outcomes[OURS].loads[0]
    note = (
        f"Medians of {len(outcomes[OURS].loads)} rounds of {load.seconds:.0f} s, {CONNECTIONS} connections, in turn; "
        "the same row, the same probability. No peer checks a key or meters a call; of them only LitServe and "
        "MLServer's pool keep the model in a process apart."
    )
    return Table(
        "Requests a second",
        ("server", "requests/s", "x ours", "p50, ms", "p99, ms", "not 200", "set up as"),
        rows,
        note,
    )


def bars_of(comparison: Comparison) -> tuple[Bar, ...]:
    """Return the bars and the aim of issue 2, section 7."""

    def ahead(name: str, *, aim: bool) -> Bar:
        label, ratio = comparison.speed_against(name)
        return Bar(f"ours to {label}", ratio, 1.0, at_least=True, aim=aim)

    return (*(ahead(name, aim=False) for name in BEATEN), *(ahead(name, aim=True) for name in AIMED))


def run(rounds: int = 5, seconds: float = 8) -> Report:
    """Measure and report.

    Parameters
    ----------
    rounds : int
        How often each server is measured.
    seconds : float
        Load in each round.
    """
    machine = describe_machine() | {
        "load generator": generator_name(),
        "every server run by": f"Python {version_of(sys.executable)}",
    }
    model = ensure_model()
    comparison = Comparison(model, ensure_project(model), seconds)
    for number in range(rounds):
        print(f"bench: peers, round {number + 1} of {rounds}", file=sys.stderr)
        comparison.measure_round()
    return Report(
        name="peers",
        title="The same model behind other servers",
        machine=machine,
        tables=(speed_table(comparison.outcomes),),
        bars=bars_of(comparison),
        numbers={name: [asdict(load) for load in outcome.loads] for name, outcome in comparison.outcomes.items()},
    )
