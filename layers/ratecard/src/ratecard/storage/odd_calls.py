"""Calls that SQL leaves to Python: strange lines, ids with different lines, and what an operator has recovered."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from ratecard.billing.counting import Reading, Sums, pair_up
from ratecard.billing.events import AccessRecord, UsageRecord, parse_access, parse_usage
from ratecard.billing.scope import Scope
from ratecard.storage.lake import ACCESS, USAGE, parse_line, read_file

_Record = TypeVar("_Record", UsageRecord, AccessRecord)
Reread = Callable[[], Iterable[tuple[str, list[Path]]]]


class OddCalls:
    """Collects everything that is known of some ids, and judges them one by one as the path in Python does.

    Parameters
    ----------
    scope : Scope
        Whose calls are counted.
    """

    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self._used = Reading(parse_usage)
        self._answered = Reading(parse_access)
        self._plain_used: dict[str, list[UsageRecord]] = {}
        self._plain_answered: dict[str, list[AccessRecord]] = {}

    @property
    def damaged(self) -> int:
        """How many lines could not be read."""
        return self._used.damaged + self._answered.damaged

    def add_strange(self, stream: str, line: bytes) -> None:
        """Take a line that is not as the platform writes it."""
        event = parse_line(line)
        (self._used if stream == USAGE else self._answered).read([event])

    def ids(self) -> list[str]:
        """Return the ids known so far."""
        return sorted(self._used.found.keys() | self._answered.found.keys() | self._scope.recoveries.keys())

    def add_used(self, row: tuple[Any, ...]) -> None:
        """Take the fields of a plain usage line, the hash of the line last."""
        record = make_usage(row[0], row[1:-1], str(row[-1]))
        self._plain_used.setdefault(record.id, []).append(record)

    def add_answered(self, row: tuple[Any, ...]) -> None:
        """Take the fields of a plain access line, the hash of the line last."""
        record = make_access(row[0], row[1:-1], str(row[-1]))
        self._plain_answered.setdefault(record.id, []).append(record)

    def settle(self, sums: Sums, reread: Reread) -> None:
        """Judge all of them.

        Parameters
        ----------
        sums : Sums
            What they are added to.
        reread : callable
            Gives stream and paths of the lake's files once more, for lines whose fields do not say whether they are
            equal.
        """
        unsure = {
            USAGE: _merge(self._used, self._plain_used),
            ACCESS: _merge(self._answered, self._plain_answered),
        }
        if any(unsure.values()):
            for stream, paths in reread():
                for path in paths:
                    self._read_again(stream, path, unsure[stream])
        for call_id, call in pair_up(self._used, self._answered, scope=self._scope):
            sums.add_call(call_id, call)
            sums.add_hour(call)

    def _read_again(self, stream: str, path: Path, ids: frozenset[str]) -> None:
        member, reading = ("id", self._used) if stream == USAGE else ("extendedRequestId", self._answered)
        for line in read_file(path) if ids else ():
            if line.event is not None and line.event.get(member) in ids:
                _take_again(reading, line.event)


def _take_again(reading: Reading[Any], event: dict[str, object]) -> None:
    """Take a line again; if it is damaged, it was counted as such before."""
    before = reading.damaged
    reading.read([event])
    reading.damaged = before


def _merge(reading: Reading[_Record], plain: dict[str, list[_Record]]) -> frozenset[str]:
    """Take plain lines; return the ids for which only the lines themselves can say whether they are equal."""
    unsure: set[str] = set()
    for call_id, records in plain.items():
        fields = {replace(record, fingerprint="") for record in records}
        lines = {record.fingerprint for record in records}
        if call_id in reading.found or len(fields) < len(lines):
            unsure.add(call_id)
            reading.found.pop(call_id, None)
            reading.copied.discard(call_id)
            continue
        for record in records:
            reading.add(record)
    return frozenset(unsure)


def make_usage(call_id: str, row: tuple[Any, ...], fingerprint: str = "") -> UsageRecord:
    """Build a record of the fields subject, at_ms, model, ... input_sha256 as SQL gives them."""
    subject, at_ms, model, model_version, operation, level, units, status, billable, key, body = row
    return UsageRecord(
        id=call_id,
        subject=subject,
        at_ms=at_ms,
        model=model,
        model_version=model_version,
        operation=operation,
        level=level,
        units=units,
        status=status,
        billable=billable,
        idempotency_key=key,
        input_sha256=body or "",
        fingerprint=fingerprint,
    )


def make_access(call_id: str, row: tuple[Any, ...], fingerprint: str = "") -> AccessRecord:
    """Build a record of the fields key_id, at_ms, status, integration_status and kind as SQL gives them."""
    key_id, at_ms, status, integration_status, kind = row
    return AccessRecord(call_id, key_id, at_ms, status, integration_status, kind, fingerprint)
