"""Tables of the accounts in SQLite, and how a file of an earlier version is brought up to date."""

from __future__ import annotations

import sqlite3

_FIRST = (
    "CREATE TABLE IF NOT EXISTS customers (id TEXT PRIMARY KEY, name TEXT NOT NULL, created_at TEXT NOT NULL) STRICT",
    """CREATE TABLE IF NOT EXISTS keys (
        id TEXT PRIMARY KEY, customer_id TEXT NOT NULL REFERENCES customers (id), name TEXT NOT NULL,
        plan TEXT NOT NULL, secret_sha256 TEXT NOT NULL UNIQUE, last4 TEXT NOT NULL,
        enabled INTEGER NOT NULL, created_at TEXT NOT NULL
    ) STRICT""",
    """CREATE TABLE IF NOT EXISTS key_events (
        number INTEGER PRIMARY KEY, key_id TEXT NOT NULL, customer_id TEXT NOT NULL, action TEXT NOT NULL,
        plan TEXT NOT NULL, secret_sha256 TEXT NOT NULL, last4 TEXT NOT NULL, at TEXT NOT NULL
    ) STRICT""",
    """CREATE TRIGGER IF NOT EXISTS key_events_stay BEFORE UPDATE ON key_events
    BEGIN SELECT RAISE(ABORT, 'history is never edited'); END""",
    """CREATE TRIGGER IF NOT EXISTS key_events_remain BEFORE DELETE ON key_events
    BEGIN SELECT RAISE(ABORT, 'history is never deleted'); END""",
)
# Terms of customers, and plans that change: `keys.plan` gives way to a history, filled from what is known.
_SECOND = (
    "ALTER TABLE customers ADD COLUMN zone TEXT NOT NULL DEFAULT 'UTC'",
    "ALTER TABLE customers ADD COLUMN anchor_day INTEGER NOT NULL DEFAULT 1",
    "ALTER TABLE customers ADD COLUMN currency TEXT NOT NULL DEFAULT 'USD'",
    """CREATE TABLE plan_changes (
        number INTEGER PRIMARY KEY, subject TEXT NOT NULL, customer_id TEXT NOT NULL REFERENCES customers (id),
        plan TEXT NOT NULL, from_ms INTEGER NOT NULL, at TEXT NOT NULL
    ) STRICT""",
    "CREATE INDEX plan_changes_by_subject ON plan_changes (subject, from_ms, number)",
    "CREATE INDEX plan_changes_by_start ON plan_changes (from_ms)",
    """CREATE TRIGGER plan_changes_stay BEFORE UPDATE ON plan_changes
    BEGIN SELECT RAISE(ABORT, 'history is never edited'); END""",
    """CREATE TRIGGER plan_changes_remain BEFORE DELETE ON plan_changes
    BEGIN SELECT RAISE(ABORT, 'history is never deleted'); END""",
    """INSERT INTO plan_changes (subject, customer_id, plan, from_ms, at)
    SELECT id, customer_id, plan, CAST(strftime('%s', created_at) AS INTEGER) * 1000 + substr(created_at, 21, 3),
        created_at FROM keys ORDER BY created_at""",
    """INSERT INTO plan_changes (subject, customer_id, plan, from_ms, at)
    SELECT 'inbox/' || id, id, 'standard',
        CAST(strftime('%s', created_at) AS INTEGER) * 1000 + substr(created_at, 21, 3),
        created_at FROM customers ORDER BY created_at""",
    "ALTER TABLE keys DROP COLUMN plan",
)
VERSIONS = (_FIRST, _SECOND)
"""What makes each version of the file from the one before."""


def bring_up_to_date(connection: sqlite3.Connection) -> None:
    """Make the tables, or those that an older file lacks; whole or not at all, whoever else opens the file.

    Files of the first version did not count versions, which is why its statements say IF NOT EXISTS.
    """
    if _version(connection) == len(VERSIONS):
        return
    connection.execute("BEGIN IMMEDIATE")
    with connection:
        for statements in VERSIONS[_version(connection) :]:
            for statement in statements:
                connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {len(VERSIONS)}")


def _version(connection: sqlite3.Connection) -> int:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    return int(version)
