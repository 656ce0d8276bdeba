"""The journal of an export: what was going to be sent is on the disk before it is, and what became of it after."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from ratecard.billing.exports.account import SentAccount, intent_entry, outcome_entry, read_entries
from ratecard.billing.exports.deliveries import Delivery, Outcome
from ratecard.kernel.errors import ErrorKind, RatecardError


class JournalInUseError(RatecardError):
    """Another process is exporting to the same system."""

    code = "journal_in_use"
    kind = ErrorKind.CONFLICT


class DamagedJournalError(RatecardError):
    """A journal says something that no export wrote; without it nobody knows what was sent."""

    code = "damaged_journal"
    kind = ErrorKind.INVALID


class Journal:
    """One file for each system, one JSON line for each entry; one process at a time.

    Parameters
    ----------
    path : Path
        The file; made, readable by its owner only, if there is none. A last line without its end, which a killed
        process may leave, is cut off: what it was about was not sent yet, or is still pending.

    Raises
    ------
    JournalInUseError
        If another process has it open.
    DamagedJournalError
        If another line is no entry.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._descriptor)
            raise JournalInUseError("another export to this system is running") from None
        try:
            self.account = _read(path, self._descriptor)
        except BaseException:
            os.close(self._descriptor)
            raise

    def close(self) -> None:
        """Close the file, which frees it for others."""
        os.close(self._descriptor)

    def intend(self, deliveries: Iterable[Delivery], at_ms: int) -> None:
        """Write that deliveries are going to be sent; on return the disk has it."""
        chosen = list(deliveries)
        self._append(intent_entry(delivery, at_ms) for delivery in chosen)
        for delivery in chosen:
            self.account.intend(delivery, at_ms)

    def settle(self, outcomes: Iterable[tuple[str, Outcome]]) -> None:
        """Write what became of deliveries, by identifier; on return the disk has it."""
        chosen = list(outcomes)
        self._append(outcome_entry(identifier, outcome) for identifier, outcome in chosen)
        for identifier, outcome in chosen:
            self.account.settle(identifier, outcome)

    def _append(self, entries: Iterator[dict[str, object]]) -> None:
        content = b"".join(
            json.dumps(entry, sort_keys=True, separators=(",", ":")).encode() + b"\n" for entry in entries
        )
        written = 0
        while written < len(content):
            written += os.write(self._descriptor, content[written:])
        if content:
            os.fsync(self._descriptor)


def _read(path: Path, descriptor: int) -> SentAccount:
    content = path.read_bytes()
    whole = content.rfind(b"\n") + 1
    if whole < len(content):
        os.ftruncate(descriptor, whole)
    try:
        return read_entries(_entry(line) for line in content[:whole].splitlines())
    except (ValueError, KeyError, TypeError):
        raise DamagedJournalError(f"{path} has a line that is no entry; restore it from a backup") from None


def _entry(line: bytes) -> Mapping[str, object]:
    entry = json.loads(line)
    if not isinstance(entry, dict):
        raise TypeError("an entry is an object")
    return entry
