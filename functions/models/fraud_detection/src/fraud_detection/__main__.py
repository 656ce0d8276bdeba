"""Raw transactions in, rows of the model out: `python -m fraud_detection < transactions.csv > rows.csv`.

The input has the headings customer, terminal, paid_at (RFC 3339 with an offset, in the order of time), amount and
fraud_known_at: when the payment was found out to be fraudulent, empty otherwise. The option `--from` gives the first
instant whose rows are wanted; what lies before only fills the histories.
"""

from __future__ import annotations

import csv
import sys
from datetime import UTC, datetime
from heapq import heappop, heappush

from fraud_detection.features import NAMES, History

HEADINGS = ("customer", "terminal", "paid_at", "amount", "fraud_known_at")
USAGE = "usage: python -m fraud_detection [--from 2026-11-01T00:00:00Z] < transactions.csv > rows.csv"

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from typing import TextIO


def main(arguments: list[str], source: TextIO, target: TextIO) -> str | None:
    """Write the rows of a file; return what is wrong with it, without a word of its content, or None."""
    if arguments and (len(arguments) != 2 or arguments[0] != "--from"):
        return USAGE
    try:
        begin = _parse_instant(arguments[1]) if arguments else datetime.min.replace(tzinfo=UTC)
    except ValueError:
        return USAGE
    reader = csv.DictReader(source)
    if missing := [name for name in HEADINGS if name not in (reader.fieldnames or ())]:
        return f"the file lacks the headings: {', '.join(missing)}"
    writer = csv.writer(target, lineterminator="\n")
    writer.writerow(NAMES)
    rows = compute_rows(reader, begin)
    while True:
        try:
            row = next(rows, None)
        except (ValueError, csv.Error) as error:
            return f"line {reader.line_num}: {error}"
        if row is None:
            return None
        writer.writerow(str(value).lower() if type(value) is bool else value for value in row.values())


def compute_rows(lines: Iterable[Mapping[str, str]], begin: datetime) -> Iterator[Mapping[str, float | bool]]:
    """Yield the rows of the transactions from `begin` on; a fraud is told to the history when it became known.

    Raises
    ------
    ValueError
        If a line cannot be read, or its transaction is too late.
    """
    history = History()
    pending: list[tuple[datetime, int, str, datetime]] = []
    for number, line in enumerate(lines):
        paid_at, amount = _parse_instant(line["paid_at"]), _parse_amount(line["amount"])
        while pending and pending[0][0] <= paid_at:
            _, _, terminal, at = heappop(pending)
            history.report_fraud(terminal, at)
        row = history.record(line["customer"], line["terminal"], paid_at, amount)
        if line["fraud_known_at"]:
            heappush(pending, (_parse_instant(line["fraud_known_at"]), number, line["terminal"], paid_at))
        if paid_at >= begin:
            yield row


def _parse_instant(text: str | None) -> datetime:
    try:
        found = datetime.fromisoformat(text or "")
    except ValueError:
        raise ValueError("an instant must be written as 2026-11-01T12:00:00+01:00") from None
    if found.utcoffset() is None:
        raise ValueError("an instant must have an offset from UTC")
    return found


def _parse_amount(text: str | None) -> float:
    try:
        return float(text or "")
    except ValueError:
        raise ValueError("an amount must be a number") from None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], sys.stdin, sys.stdout))
