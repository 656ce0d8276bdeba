"""Customers and their API keys. A key is stored as its hash, and its history is only ever added to."""

from __future__ import annotations

import re
import secrets
import sqlite3
import string
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from ratecard.kernel.digest import sha256_hex
from ratecard.kernel.errors import ErrorKind, RatecardError

KEY_PREFIX = "rk_"
_ID_ALPHABET = string.ascii_lowercase + string.digits
_ID_LENGTH = 10
_CUSTOMER_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")

_SCHEMA = """
CREATE TABLE IF NOT EXISTS customers (id TEXT PRIMARY KEY, name TEXT NOT NULL, created_at TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS keys (
    id TEXT PRIMARY KEY, customer_id TEXT NOT NULL REFERENCES customers (id), name TEXT NOT NULL, plan TEXT NOT NULL,
    secret_sha256 TEXT NOT NULL UNIQUE, last4 TEXT NOT NULL, enabled INTEGER NOT NULL, created_at TEXT NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS key_events (
    number INTEGER PRIMARY KEY, key_id TEXT NOT NULL, customer_id TEXT NOT NULL, action TEXT NOT NULL,
    plan TEXT NOT NULL, secret_sha256 TEXT NOT NULL, last4 TEXT NOT NULL, at TEXT NOT NULL
) STRICT;
CREATE TRIGGER IF NOT EXISTS key_events_stay BEFORE UPDATE ON key_events
BEGIN SELECT RAISE(ABORT, 'history is never edited'); END;
CREATE TRIGGER IF NOT EXISTS key_events_remain BEFORE DELETE ON key_events
BEGIN SELECT RAISE(ABORT, 'history is never deleted'); END;
"""


class UnknownKeyError(RatecardError):
    """No key has this id."""

    code = "unknown_key"
    kind = ErrorKind.NOT_FOUND


class UnknownCustomerError(RatecardError):
    """No customer has this id."""

    code = "unknown_customer"
    kind = ErrorKind.NOT_FOUND


class InvalidCustomerError(RatecardError):
    """The customer's id cannot be part of an object key."""

    code = "invalid_customer"
    kind = ErrorKind.INVALID


@dataclass(frozen=True, slots=True)
class Customer:
    """Who pays."""

    id: str
    name: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key of a customer; the secret itself is not known.

    Attributes
    ----------
    id : str
        Stays the same when the secret is rotated.
    customer_id, name, plan : str
        Whose it is, what it is for, and its tier.
    secret_sha256 : str
        SHA-256 of the secret, hexadecimal.
    last4 : str
        The secret's last four characters, for people to tell keys apart.
    enabled : bool
        Whether calls with it are accepted.
    created_at : datetime
        Aware, UTC.
    """

    id: str
    customer_id: str
    name: str
    plan: str
    secret_sha256: str = field(repr=False)
    last4: str
    enabled: bool
    created_at: datetime


@dataclass(frozen=True, slots=True)
class IssuedKey:
    """A key just made, with the only copy of its secret."""

    key: ApiKey
    secret: str = field(repr=False)


class Accounts(Protocol):
    """Customers and keys, wherever they are kept."""

    def ensure_customer(self, customer_id: str, name: str) -> Customer:
        """Return the customer, made now if there is none; raises InvalidCustomerError."""
        ...

    def get_customer(self, customer_id: str) -> Customer:
        """Return a customer; raises UnknownCustomerError."""
        ...

    def has_customer(self, customer_id: str) -> bool:
        """Tell whether there is such a customer."""
        ...

    def create_key(self, customer_id: str, plan: str, name: str) -> IssuedKey:
        """Make a key; raises UnknownCustomerError."""
        ...

    def rotate_key(self, key_id: str) -> IssuedKey:
        """Give a key a new secret; the old one stops working. Raises UnknownKeyError."""
        ...

    def set_key_enabled(self, key_id: str, *, enabled: bool) -> ApiKey:
        """Let a key work, or not; raises UnknownKeyError."""
        ...

    def list_keys(self, customer_id: str | None = None) -> tuple[ApiKey, ...]:
        """Return all keys, or those of one customer, oldest first."""
        ...


class SqliteAccounts:
    """Accounts in one SQLite file, which several processes may open.

    Parameters
    ----------
    path : Path
        The file; it is made, readable by its owner only, if there is none.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            path.touch(mode=0o600)
        self._connection = sqlite3.connect(path, isolation_level=None, timeout=10.0)
        self._connection.execute("PRAGMA journal_mode = WAL")
        # A key that was shown to somebody must be there after a power cut.
        self._connection.execute("PRAGMA synchronous = FULL")
        self._connection.execute("PRAGMA foreign_keys = ON")
        self._connection.executescript(_SCHEMA)

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def revision(self) -> int:
        """Return a number that changes when another connection has changed the file; cheap to ask often."""
        (version,) = self._connection.execute("PRAGMA data_version").fetchone()
        return int(version)

    def ensure_customer(self, customer_id: str, name: str) -> Customer:
        """See `Accounts`."""
        if not _CUSTOMER_ID.fullmatch(customer_id):
            raise InvalidCustomerError("a customer's id is lower-case letters, digits and hyphens, at most 63")
        self._connection.execute(
            "INSERT INTO customers VALUES (?, ?, ?) ON CONFLICT DO NOTHING", (customer_id, name, _now())
        )
        return self.get_customer(customer_id)

    def get_customer(self, customer_id: str) -> Customer:
        """See `Accounts`."""
        row = self._connection.execute(
            "SELECT id, name, created_at FROM customers WHERE id = ?", (customer_id,)
        ).fetchone()
        if row is None:
            raise UnknownCustomerError(f"there is no customer {customer_id}")
        return Customer(row[0], row[1], datetime.fromisoformat(row[2]))

    def has_customer(self, customer_id: str) -> bool:
        """See `Accounts`."""
        return self._connection.execute("SELECT 1 FROM customers WHERE id = ?", (customer_id,)).fetchone() is not None

    def create_key(self, customer_id: str, plan: str, name: str) -> IssuedKey:
        """See `Accounts`."""
        self.get_customer(customer_id)
        secret = _new_secret()
        key_id = "".join(secrets.choice(_ID_ALPHABET) for _ in range(_ID_LENGTH))
        with self._connection:
            self._connection.execute("BEGIN IMMEDIATE")
            self._connection.execute(
                "INSERT INTO keys VALUES (?, ?, ?, ?, ?, ?, 1, ?)",
                (key_id, customer_id, name, plan, sha256_hex(secret.encode()), secret[-4:], _now()),
            )
            self._record_event(key_id, "created")
        return IssuedKey(self._get_key(key_id), secret)

    def rotate_key(self, key_id: str) -> IssuedKey:
        """See `Accounts`."""
        self._get_key(key_id)
        secret = _new_secret()
        with self._connection:
            self._connection.execute("BEGIN IMMEDIATE")
            self._connection.execute(
                "UPDATE keys SET secret_sha256 = ?, last4 = ? WHERE id = ?",
                (sha256_hex(secret.encode()), secret[-4:], key_id),
            )
            self._record_event(key_id, "rotated")
        return IssuedKey(self._get_key(key_id), secret)

    def set_key_enabled(self, key_id: str, *, enabled: bool) -> ApiKey:
        """See `Accounts`."""
        if self._get_key(key_id).enabled != enabled:
            with self._connection:
                self._connection.execute("BEGIN IMMEDIATE")
                self._connection.execute("UPDATE keys SET enabled = ? WHERE id = ?", (int(enabled), key_id))
                self._record_event(key_id, "enabled" if enabled else "disabled")
        return self._get_key(key_id)

    def list_keys(self, customer_id: str | None = None) -> tuple[ApiKey, ...]:
        """See `Accounts`."""
        rows = self._connection.execute(
            "SELECT id, customer_id, name, plan, secret_sha256, last4, enabled, created_at FROM keys"
            " WHERE ?1 IS NULL OR customer_id = ?1 ORDER BY created_at, id",
            (customer_id,),
        )
        return tuple(_key(row) for row in rows)

    def list_events(self, key_id: str) -> tuple[tuple[str, str, str], ...]:
        """Return a key's history, oldest first: action, plan and instant (RFC 3339)."""
        rows = self._connection.execute(
            "SELECT action, plan, at FROM key_events WHERE key_id = ? ORDER BY number", (key_id,)
        )
        return tuple((action, plan, at) for action, plan, at in rows)

    def _get_key(self, key_id: str) -> ApiKey:
        row = self._connection.execute(
            "SELECT id, customer_id, name, plan, secret_sha256, last4, enabled, created_at FROM keys WHERE id = ?",
            (key_id,),
        ).fetchone()
        if row is None:
            raise UnknownKeyError(f"there is no key {key_id}")
        return _key(row)

    def _record_event(self, key_id: str, action: str) -> None:
        self._connection.execute(
            "INSERT INTO key_events (key_id, customer_id, action, plan, secret_sha256, last4, at)"
            " SELECT id, customer_id, ?, plan, secret_sha256, last4, ? FROM keys WHERE id = ?",
            (action, _now(), key_id),
        )


def _key(row: tuple[str, str, str, str, str, str, int, str]) -> ApiKey:
    return ApiKey(*row[:6], enabled=bool(row[6]), created_at=datetime.fromisoformat(row[7]))


def _new_secret() -> str:
    # 32 random bytes; API Gateway accepts values of 20 to 128 characters.
    return KEY_PREFIX + secrets.token_urlsafe(32)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
