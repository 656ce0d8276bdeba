"""`ratecard up` under sustained load: requests a second, latency, and whether every answered call is in the lake."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, dataclass

from benchmarks.contestants import PATH, load_contract
from benchmarks.environments import version_of
from benchmarks.load import Load, apply_load, generator_name
from benchmarks.local_platform import Count, count_calls, running_platform
from benchmarks.machine import ROOT, describe_machine
from benchmarks.report import Bar, Report, Table
from ratecard.contract.sample import sample_row

CONNECTIONS = (1, 8, 32)
WARM_UP_SECONDS = 2
CHECK_CALLS = 1
SPARE_WORKERS = 2


@dataclass(frozen=True, slots=True)
class Level:
    """One number of connections.

    Attributes
    ----------
    load : Load
        What the callers saw, without the warm-up.
    expected : int
        All answers with status 200 that callers saw, warm-up and first check included.
    count : Count
        What the platform's books say.
    processor : dict
        Seconds of processor time during the measured load, by part.
    """

    load: Load
    expected: int
    count: Count
    processor: dict[str, float]

    @property
    def unseen(self) -> int:
        """Served calls beyond those the callers counted: under way when the generator hung up."""
        return self.count.served - self.expected


def measure_level(connections: int, seconds: float) -> Level:
    """Start a platform in a fresh home, load it, stop it in order, and count its lines."""
    body = json.dumps(sample_row(load_contract())).encode()
    # The account's limit of ten would answer 503 to the others, as it should.
    enough = f"CreditRatingConcurrency={connections + SPARE_WORKERS}"
    with running_platform(ROOT, f"serving-{connections}", enough) as platform:
        target = platform.target(PATH, body)
        target.call()
        # A worker for each connection starts meanwhile.
        warm_up = apply_load(target, connections, WARM_UP_SECONDS + connections // 8)
        platform.await_quiet()
        before = platform.processor_seconds()
        load = apply_load(target, connections, seconds)
        after = platform.processor_seconds()
    expected = CHECK_CALLS + warm_up.answered + load.answered
    processor = {part: after[part] - before[part] for part in after}
    return Level(load, expected, count_calls(platform.home), processor)


def speed_table(levels: list[Level]) -> Table:
    """Return what callers saw, and what a call took of the processor."""
    rows = tuple(
        (
            str(level.load.connections),
            f"{level.load.per_second:,.0f}",
            f"{level.load.p50_ms:.2f}",
            f"{level.load.p99_ms:.2f}",
            f"{level.load.failed}",
            f"{level.processor['gateway'] / max(level.load.answered, 1) * 1e6:,.0f}",
            f"{level.processor['workers'] / max(level.load.answered, 1) * 1e6:,.0f}",
        )
        for level in levels
    )
    columns = (
        "connections",
        "requests/s",
        "p50, ms",
        "p99, ms",
        "not 200",
        "gateway, us of CPU a call",
        "workers, us of CPU a call",
    )
    return Table(
        "Sustained load",
        columns,
        rows,
        f"{levels[0].load.seconds:.0f} s each, after a warm-up; key, throttle, quota, access and usage line included.",
    )


def count_table(levels: list[Level]) -> Table:
    """Return the three counts: the callers', the gateway's and the lake's."""
    rows = tuple(
        (
            str(level.load.connections),
            f"{level.expected:,}",
            f"{level.count.served:,}",
            f"{level.count.metered:,}",
            f"{level.count.lost}",
            f"{level.count.repeated}",
            f"{level.unseen}",
            f"{level.count.unsent}",
        )
        for level in levels
    )
    columns = (
        "connections",
        "callers: 200",
        "gateway: 200",
        "lake: usage lines",
        "lost",
        "repeated",
        "sent, caller gone",
        "not sent, caller gone",
    )
    note = (
        "Matched by id. wrk hangs up at the end of a run with a call under way on each connection (two runs: at most "
        "2 x connections); such an answer counts as served if it had been handed to the socket."
    )
    return Table("Nothing is lost", columns, rows, note)


def bars_of(levels: list[Level]) -> tuple[Bar, ...]:
    """Return the bars: nothing lost, nothing twice, the three counts agree."""
    loose = max(abs(level.unseen) - 2 * level.load.connections for level in levels)
    return (
        Bar("usage lines lost", sum(level.count.lost for level in levels), 0, ""),
        Bar("usage lines repeated", sum(level.count.repeated for level in levels), 0, ""),
        Bar("served calls beyond those callers saw or had under way", max(0, loose), 0, ""),
        Bar("answers other than 200", sum(level.load.failed for level in levels), 0, ""),
    )


def run(seconds: float = 60) -> Report:
    """Measure and report.

    Parameters
    ----------
    seconds : float
        Load at each number of connections.
    """
    machine = describe_machine() | {
        "load generator": generator_name(),
        "platform run by": f"Python {version_of(sys.executable)}",
    }
    levels = []
    for connections in CONNECTIONS:
        print(f"bench: serving, {connections} connections", file=sys.stderr)
        levels.append(measure_level(connections, seconds))
    return Report(
        name="serving",
        title="`ratecard up` under load",
        machine=machine,
        tables=(speed_table(levels), count_table(levels)),
        bars=bars_of(levels),
        numbers={str(level.load.connections): asdict(level) for level in levels},
    )
