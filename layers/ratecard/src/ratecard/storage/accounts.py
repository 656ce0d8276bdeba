"""Customers and their API keys in SQLite. A key is stored as its hash, and its history is only ever added to."""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

from ratecard.billing.periods import BillingCalendar
from ratecard.billing.segments import Assignment
from ratecard.kernel.clock import rfc3339_from_epoch_ms
from ratecard.kernel.digest import sha256_hex
from ratecard.storage.accounts_schema import bring_up_to_date
from ratecard.storage.assignments import (
    PastChangeError,
    PlanChange,
    check_start,
    files_subject,
    make_assignments,
)
from ratecard.storage.customers import (
    DEFAULT_FILES_PLAN,
    DEFAULT_TERMS,
    Accounts,
    ApiKey,
    Customer,
    InvalidCustomerError,
    IssuedKey,
    TakenIdError,
    Terms,
    UnknownCustomerError,
    UnknownKeyError,
    check_customer_id,
    new_key_id,
    new_secret,
)

__all__ = [
    "Accounts",
    "ApiKey",
    "Assignment",
    "Customer",
    "InvalidCustomerError",
    "IssuedKey",
    "PastChangeError",
    "SqliteAccounts",
    "TakenIdError",
    "Terms",
    "UnknownCustomerError",
    "UnknownKeyError",
    "now_ms",
]

# The plan of a subject at an instant; of its first change, should a clock have gone back since.
_PLAN = """coalesce(
    (SELECT plan FROM plan_changes WHERE subject = {0} AND from_ms <= :now ORDER BY from_ms DESC, number DESC LIMIT 1),
    (SELECT plan FROM plan_changes WHERE subject = {0} ORDER BY from_ms, number LIMIT 1))"""
_KEY_PLAN = _PLAN.format("keys.id")
_FILES_PLAN = _PLAN.format("'inbox/' || customers.id")
_SELECT_KEYS = f"SELECT id, customer_id, name, {_KEY_PLAN}, secret_sha256, last4, enabled, created_at FROM keys"
_SELECT_CUSTOMERS = f"SELECT id, name, created_at, zone, anchor_day, currency, {_FILES_PLAN} FROM customers"


def now_ms() -> int:
    """Return the present in milliseconds since 1970."""
    return time.time_ns() // 1_000_000


class SqliteAccounts:
    """Accounts in one SQLite file, which several processes may open; see `Accounts`.

    Parameters
    ----------
    path : Path
        The file; it is made, readable by its owner only, if there is none.
    clock : callable, optional
        Gives the present in milliseconds since 1970.
    """

    def __init__(self, path: Path, clock: Callable[[], int] = now_ms) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            path.touch(mode=0o600)
        self._clock = clock
        self._connection = sqlite3.connect(path, isolation_level=None, timeout=10.0)
        self._connection.execute("PRAGMA journal_mode = WAL")
        # A key that was shown to somebody must be there after a power cut.
        self._connection.execute("PRAGMA synchronous = FULL")
        self._connection.execute("PRAGMA foreign_keys = ON")
        bring_up_to_date(self._connection)

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def revision(self) -> int:
        """Return a number that changes when another connection has changed the file, or a plan's change begins.

        It is cheap to ask often.
        """
        (version,) = self._connection.execute("PRAGMA data_version").fetchone()
        (begun,) = self._connection.execute(
            "SELECT max(from_ms) FROM plan_changes WHERE from_ms <= ?", (self._clock(),)
        ).fetchone()
        return (int(version) << 48) + (begun or 0)

    def create_customer(self, customer_id: str, name: str, terms: Terms, files_plan: str) -> Customer:
        """See `Accounts`."""
        if not self._add_customer(customer_id, name, terms, files_plan):
            raise TakenIdError(f"there is a customer {customer_id} already")
        return self.get_customer(customer_id)

    def ensure_customer(self, customer_id: str, name: str) -> Customer:
        """See `Accounts`."""
        self._add_customer(customer_id, name, DEFAULT_TERMS, DEFAULT_FILES_PLAN)
        return self.get_customer(customer_id)

    def change_customer(self, customer_id: str, *, name: str | None = None, terms: Terms | None = None) -> Customer:
        """See `Accounts`."""
        with self._writing():
            customer = self.get_customer(customer_id)
            terms = terms or customer.terms
            self._connection.execute(
                "UPDATE customers SET name = ?, zone = ?, anchor_day = ?, currency = ? WHERE id = ?",
                (name or customer.name, terms.calendar.zone, terms.calendar.anchor_day, terms.currency, customer_id),
            )
        return self.get_customer(customer_id)

    def get_customer(self, customer_id: str) -> Customer:
        """See `Accounts`."""
        found = self._customers("WHERE id = :id", id=customer_id)
        if not found:
            raise UnknownCustomerError(f"there is no customer {customer_id}")
        return found[0]

    def has_customer(self, customer_id: str) -> bool:
        """See `Accounts`."""
        return self._connection.execute("SELECT 1 FROM customers WHERE id = ?", (customer_id,)).fetchone() is not None

    def list_customers(self) -> tuple[Customer, ...]:
        """See `Accounts`."""
        return self._customers("ORDER BY id")

    def set_files_plan(self, customer_id: str, plan: str, from_ms: int | None = None) -> Customer:
        """See `Accounts`."""
        with self._writing():
            self.get_customer(customer_id)
            self._record_plan(files_subject(customer_id), customer_id, plan, check_start(from_ms, self._clock()))
        return self.get_customer(customer_id)

    def create_key(self, customer_id: str, plan: str, name: str, key_id: str | None = None) -> IssuedKey:
        """See `Accounts`."""
        secret, key_id, now = new_secret(), key_id or new_key_id(), self._clock()
        with self._writing():
            self.get_customer(customer_id)
            made = self._connection.execute(
                "INSERT INTO keys VALUES (?, ?, ?, ?, ?, 1, ?) ON CONFLICT (id) DO NOTHING",
                (key_id, customer_id, name, sha256_hex(secret.encode()), secret[-4:], rfc3339_from_epoch_ms(now)),
            )
            if not made.rowcount:
                raise TakenIdError(f"there is a key {key_id} already")
            self._record_plan(key_id, customer_id, plan, now)
            self._record_event(key_id, "created", plan)
        return IssuedKey(self.get_key(key_id), secret)

    def rotate_key(self, key_id: str) -> IssuedKey:
        """See `Accounts`."""
        secret = new_secret()
        with self._writing():
            plan = self.get_key(key_id).plan
            self._connection.execute(
                "UPDATE keys SET secret_sha256 = ?, last4 = ? WHERE id = ?",
                (sha256_hex(secret.encode()), secret[-4:], key_id),
            )
            self._record_event(key_id, "rotated", plan)
        return IssuedKey(self.get_key(key_id), secret)

    def set_key_enabled(self, key_id: str, *, enabled: bool) -> ApiKey:
        """See `Accounts`."""
        with self._writing():
            key = self.get_key(key_id)
            if key.enabled != enabled:
                self._connection.execute("UPDATE keys SET enabled = ? WHERE id = ?", (int(enabled), key_id))
                self._record_event(key_id, "enabled" if enabled else "disabled", key.plan)
        return self.get_key(key_id)

    def set_key_plan(self, key_id: str, plan: str, from_ms: int | None = None) -> ApiKey:
        """See `Accounts`."""
        with self._writing():
            key = self.get_key(key_id)
            self._record_plan(key_id, key.customer_id, plan, check_start(from_ms, self._clock()))
            self._record_event(key_id, "plan set", plan)
        return self.get_key(key_id)

    def get_key(self, key_id: str) -> ApiKey:
        """See `Accounts`."""
        found = self._keys("WHERE id = :id", id=key_id)
        if not found:
            raise UnknownKeyError(f"there is no key {key_id}")
        return found[0]

    def list_keys(self, customer_id: str | None = None) -> tuple[ApiKey, ...]:
        """See `Accounts`."""
        return self._keys(
            "WHERE :customer IS NULL OR customer_id = :customer ORDER BY created_at, id", customer=customer_id
        )

    def list_events(self, key_id: str) -> tuple[tuple[str, str, str], ...]:
        """See `Accounts`."""
        rows = self._connection.execute(
            "SELECT action, plan, at FROM key_events WHERE key_id = ? ORDER BY number", (key_id,)
        )
        return tuple((action, plan, at) for action, plan, at in rows)

    def assignments(self) -> tuple[Assignment, ...]:
        """See `Accounts`."""
        rows = self._connection.execute("SELECT subject, customer_id, plan, from_ms, number FROM plan_changes")
        return make_assignments(PlanChange(*row) for row in rows)

    def _add_customer(self, customer_id: str, name: str, terms: Terms, files_plan: str) -> bool:
        check_customer_id(customer_id)
        now, calendar = self._clock(), terms.calendar
        with self._writing():
            made = self._connection.execute(
                "INSERT INTO customers VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
                (customer_id, name, rfc3339_from_epoch_ms(now), calendar.zone, calendar.anchor_day, terms.currency),
            )
            if made.rowcount:
                self._record_plan(files_subject(customer_id), customer_id, files_plan, now)
        return bool(made.rowcount)

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        """Hold the file's write lock; what was written is taken back if the block raises."""
        self._connection.execute("BEGIN IMMEDIATE")
        with self._connection:
            yield

    def _customers(self, condition: str, **values: str) -> tuple[Customer, ...]:
        rows = self._connection.execute(f"{_SELECT_CUSTOMERS} {condition}", values | {"now": self._clock()})
        return tuple(
            Customer(row[0], row[1], datetime.fromisoformat(row[2]), _terms(row[3], row[4], row[5]), row[6])
            for row in rows
        )

    def _keys(self, condition: str, **values: str | None) -> tuple[ApiKey, ...]:
        rows = self._connection.execute(f"{_SELECT_KEYS} {condition}", values | {"now": self._clock()})
        return tuple(_key(row) for row in rows)

    def _record_plan(self, subject: str, customer_id: str, plan: str, from_ms: int) -> None:
        self._connection.execute(
            "INSERT INTO plan_changes (subject, customer_id, plan, from_ms, at) VALUES (?, ?, ?, ?, ?)",
            (subject, customer_id, plan, from_ms, rfc3339_from_epoch_ms(self._clock())),
        )

    def _record_event(self, key_id: str, action: str, plan: str) -> None:
        self._connection.execute(
            "INSERT INTO key_events (key_id, customer_id, action, plan, secret_sha256, last4, at)"
            " SELECT id, customer_id, ?, ?, secret_sha256, last4, ? FROM keys WHERE id = ?",
            (action, plan, rfc3339_from_epoch_ms(self._clock()), key_id),
        )


def _terms(zone: str, anchor_day: int, currency: str) -> Terms:
    return Terms(BillingCalendar(zone, anchor_day), currency)


def _key(row: tuple[str, str, str, str, str, str, int, str]) -> ApiKey:
    return ApiKey(*row[:6], enabled=bool(row[6]), created_at=datetime.fromisoformat(row[7]))
