"""What became of every file in the inbox; it survives restarts, so that each file is delivered at least once."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

_SCHEMA = """
CREATE TABLE IF NOT EXISTS deliveries (
    key TEXT NOT NULL, version TEXT NOT NULL, size INTEGER NOT NULL, status TEXT NOT NULL,
    attempts INTEGER NOT NULL, announced_ms INTEGER NOT NULL, due_ms INTEGER NOT NULL, detail TEXT NOT NULL,
    PRIMARY KEY (key, version)
) STRICT;
CREATE INDEX IF NOT EXISTS deliveries_due ON deliveries (status, due_ms);
"""
# No pause is longer: a file that is due later than that waits for a clock that was set back, and is due now.
LONGEST_PAUSE_MS = 60_000
_COLUMNS = "key, version, size, status, attempts, announced_ms, due_ms, detail"


class Status(Enum):
    """Where a file is on its way."""

    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"
    SUPERSEDED = "superseded"


@dataclass(frozen=True, slots=True)
class Delivery:
    """One version of one file.

    Attributes
    ----------
    key : str
        Object key, `inbox/<customer>/<model>/…`.
    version : str
        Changes whenever the file is written again.
    size : int
        Bytes.
    status : Status
        Where it is.
    attempts : int
        How often it was delivered so far.
    announced_ms, due_ms : int
        When it was first seen, and when it is due next; milliseconds since 1970.
    detail : str
        What the function said of it, or why it was given up.
    """

    key: str
    version: str
    size: int
    status: Status
    attempts: int
    announced_ms: int
    due_ms: int
    detail: str


class Deliveries:
    """The list of deliveries, in one SQLite file.

    Parameters
    ----------
    path : Path
        The file; it is made if there is none, and readable by its owner only.
    """

    def __init__(self, path: Path) -> None:
        path.touch(mode=0o600)
        path.chmod(0o600)
        self._connection = sqlite3.connect(path, isolation_level=None, timeout=10.0)
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.executescript(_SCHEMA)

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def announce(self, key: str, version: str, size: int, now_ms: int) -> bool:
        """Add a file that is complete; False if this version is known."""
        cursor = self._connection.execute(
            "INSERT INTO deliveries VALUES (?, ?, ?, 'pending', 0, ?, ?, '') ON CONFLICT DO NOTHING",
            (key, version, size, now_ms, now_ms),
        )
        return cursor.rowcount == 1

    def due(self, now_ms: int) -> list[Delivery]:
        """Return the files to deliver now, those first that waited longest."""
        return self._select(
            "WHERE status = 'pending' AND (due_ms <= ? OR due_ms > ?) ORDER BY due_ms, key",
            now_ms,
            now_ms + LONGEST_PAUSE_MS,
        )

    def list_by_status(self, status: Status | None = None) -> list[Delivery]:
        """Return all files, or those of one status, newest first."""
        if status is None:
            return self._select("ORDER BY announced_ms DESC, key")
        return self._select("WHERE status = ? ORDER BY announced_ms DESC, key", status.value)

    def postpone(self, delivery: Delivery, due_ms: int, *, attempted: bool, detail: str = "") -> None:
        """Try again later."""
        self._connection.execute(
            "UPDATE deliveries SET due_ms = ?, attempts = attempts + ?, detail = ? WHERE key = ? AND version = ?",
            (due_ms, int(attempted), detail, delivery.key, delivery.version),
        )

    def finish(self, delivery: Delivery, status: Status, detail: str) -> None:
        """Note how it ended."""
        self._connection.execute(
            "UPDATE deliveries SET status = ?, attempts = attempts + 1, detail = ? WHERE key = ? AND version = ?",
            (status.value, detail, delivery.key, delivery.version),
        )

    def retry(self, now_ms: int) -> int:
        """Make every file that failed due again; returns how many."""
        cursor = self._connection.execute(
            "UPDATE deliveries SET status = 'pending', attempts = 0, due_ms = ? WHERE status = 'failed'", (now_ms,)
        )
        return cursor.rowcount

    def _select(self, condition: str, *values: str | int) -> list[Delivery]:
        rows = self._connection.execute(f"SELECT {_COLUMNS} FROM deliveries {condition}", values)  # noqa: S608
        return [_delivery(row) for row in rows]


def _delivery(row: tuple[str, str, int, str, int, int, int, str]) -> Delivery:
    key, version, size, status, attempts, announced_ms, due_ms, detail = row
    return Delivery(key, version, size, Status(status), attempts, announced_ms, due_ms, detail)
