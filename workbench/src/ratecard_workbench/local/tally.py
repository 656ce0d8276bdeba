"""A running view of the lake: calls, units and refusals by key, as far as the lines have come in.

It is a view for operators. What is charged is computed at rating time, from all lines of a period.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ratecard.storage.lake import ACCESS, USAGE, LakeReader


@dataclass(frozen=True, slots=True, order=True)
class Line:
    """What is counted together."""

    subject: str
    model: str
    operation: str


@dataclass(frozen=True, slots=True)
class LineTotal:
    """What was counted.

    Attributes
    ----------
    line : Line
        Who called what.
    calls, units : int
        Usage lines, and the rows they scored.
    billable_units : int
        Units of calls whose answer reached the socket: a usage line that is billable and an access line with 2xx.
        A file needs no access line.
    """

    line: Line
    calls: int
    units: int
    billable_units: int


class Tally:
    """Counts the lake's lines; `update` reads only what is new.

    Parameters
    ----------
    lake : Path
        The lake's folder.
    first_day, last_day : str
        Days, `YYYY-MM-DD`, UTC, both included.
    """

    def __init__(self, lake: Path, *, first_day: str, last_day: str = "9999") -> None:
        self._usage = LakeReader(lake, USAGE, first_day=first_day, last_day=last_day)
        self._access = LakeReader(lake, ACCESS, first_day=first_day, last_day=last_day)
        self._calls: Counter[Line] = Counter()
        self._units: Counter[Line] = Counter()
        self._billable: Counter[Line] = Counter()
        self._answers: Counter[tuple[str, str]] = Counter()
        # Halves of calls whose other half has not been read yet, by id.
        self._unanswered: dict[str, tuple[Line, int]] = {}
        self._unmetered: set[str] = set()
        self._files: set[str] = set()
        self.damaged = 0

    def update(self) -> None:
        """Count the lines that came since the last time."""
        for usage in _events(self._usage, self):
            self._count_usage(usage)
        for access in _events(self._access, self):
            self._count_access(access)

    def totals(self) -> list[LineTotal]:
        """Return the totals, in order of subject, model and operation."""
        return [
            LineTotal(line, self._calls[line], self._units[line], self._billable[line]) for line in sorted(self._calls)
        ]

    def answers(self) -> dict[str, dict[str, int]]:
        """Return, for each key's id (`-` is none), how many answers of each class (2xx, 4xx, 429, 5xx, 499) it got."""
        found: dict[str, dict[str, int]] = {}
        for (key_id, kind), count in sorted(self._answers.items()):
            found.setdefault(key_id, {})[kind] = count
        return found

    def _count_usage(self, event: dict[str, object]) -> None:
        work = event.get("data")
        if not isinstance(work, dict):
            return
        line = Line(str(event.get("subject")), str(work.get("model", "")), str(work.get("operation", "")))
        units = work.get("units", 0)
        units = units if isinstance(units, int) else 0
        self._calls[line] += 1
        self._units[line] += units
        if work.get("billable") is not True:
            return
        call_id = str(event.get("id"))
        if line.operation.startswith("batch"):
            # A file that was delivered twice has written the same line twice.
            self._billable[line] += 0 if call_id in self._files else units
            self._files.add(call_id)
        elif call_id in self._unmetered:
            self._unmetered.discard(call_id)
            self._billable[line] += units
        else:
            self._unanswered[call_id] = (line, units)

    def _count_access(self, event: dict[str, object]) -> None:
        status = str(event.get("status", ""))
        kind = status if status in ("429", "499") else f"{status[:1]}xx"
        self._answers[str(event.get("apiKeyId", "-")), kind] += 1
        # Answers that no function gave have no usage line to wait for.
        if kind != "2xx" or event.get("integrationStatus", "-") == "-":
            return
        call_id = str(event.get("extendedRequestId"))
        half = self._unanswered.pop(call_id, None)
        if half is None:
            self._unmetered.add(call_id)
        else:
            line, units = half
            self._billable[line] += units


def _events(reader: LakeReader, tally: Tally) -> Iterator[dict[str, object]]:
    for line in reader.read():
        if line.event is None:
            tally.damaged += 1
        else:
            yield line.event
