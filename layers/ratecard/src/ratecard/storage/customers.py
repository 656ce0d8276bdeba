"""Customers, their keys and their plans as values, and the rules that hold wherever they are kept."""

from __future__ import annotations

import re
import secrets
import string
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Protocol

from ratecard.billing.periods import BillingCalendar
from ratecard.billing.segments import Assignment
from ratecard.kernel.errors import ErrorKind, RatecardError
from ratecard.kernel.money import MINOR_UNIT_DIGITS

KEY_PREFIX = "rk_"
DEFAULT_FILES_PLAN = "standard"
_ID_ALPHABET = string.ascii_lowercase + string.digits
_ID_LENGTH = 10
_CUSTOMER_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")


class UnknownKeyError(RatecardError):
    """No key has this id."""

    code = "unknown_key"
    kind = ErrorKind.NOT_FOUND


class UnknownCustomerError(RatecardError):
    """No customer has this id."""

    code = "unknown_customer"
    kind = ErrorKind.NOT_FOUND


class InvalidCustomerError(RatecardError):
    """The customer's id cannot be part of an object key, or nobody bills in this currency."""

    code = "invalid_customer"
    kind = ErrorKind.INVALID


class TakenIdError(RatecardError):
    """Another customer or key has this id."""

    code = "taken_id"
    kind = ErrorKind.CONFLICT


@dataclass(frozen=True, slots=True)
class Terms:
    """How a customer is invoiced.

    Attributes
    ----------
    calendar : BillingCalendar
        Time zone and anchor day of the periods.
    currency : str
        ISO 4217 code known to `MINOR_UNIT_DIGITS`.

    Raises
    ------
    InvalidCustomerError
        If the currency is unknown.
    """

    calendar: BillingCalendar
    currency: str = "USD"

    def __post_init__(self) -> None:
        if self.currency not in MINOR_UNIT_DIGITS:
            raise InvalidCustomerError(f"the currency must be one of {', '.join(sorted(MINOR_UNIT_DIGITS))}")


DEFAULT_TERMS = Terms(BillingCalendar("UTC"))


@dataclass(frozen=True, slots=True)
class Customer:
    """Who pays.

    Attributes
    ----------
    id, name : str
        Name for programs, which is a folder of the inbox too, and name for people.
    created_at : datetime
        Aware, UTC.
    terms : Terms
        How they are invoiced.
    files_plan : str
        Plan of the files they send, now.
    """

    id: str
    name: str
    created_at: datetime
    terms: Terms
    files_plan: str


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key of a customer; the secret itself is not known.

    Attributes
    ----------
    id : str
        Stays the same when the secret is rotated.
    customer_id, name, plan : str
        Whose it is, what it is for, and its tier now.
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

    def create_customer(self, customer_id: str, name: str, terms: Terms, files_plan: str) -> Customer:
        """Add a customer; raises InvalidCustomerError and TakenIdError."""
        ...

    def ensure_customer(self, customer_id: str, name: str) -> Customer:
        """Return the customer, made now with the usual terms if there is none; raises InvalidCustomerError."""
        ...

    def change_customer(self, customer_id: str, *, name: str | None = None, terms: Terms | None = None) -> Customer:
        """Change what is given; raises UnknownCustomerError."""
        ...

    def get_customer(self, customer_id: str) -> Customer:
        """Return a customer; raises UnknownCustomerError."""
        ...

    def has_customer(self, customer_id: str) -> bool:
        """Tell whether there is such a customer."""
        ...

    def list_customers(self) -> tuple[Customer, ...]:
        """Return all customers, by id."""
        ...

    def set_files_plan(self, customer_id: str, plan: str, from_ms: int | None = None) -> Customer:
        """Change the plan of a customer's files, now or later; raises UnknownCustomerError and PastChangeError."""
        ...

    def create_key(self, customer_id: str, plan: str, name: str, key_id: str | None = None) -> IssuedKey:
        """Make a key, under the gateway's id for it if it has one; raises UnknownCustomerError and TakenIdError."""
        ...

    def rotate_key(self, key_id: str) -> IssuedKey:
        """Give a key a new secret; the old one stops working. Raises UnknownKeyError."""
        ...

    def set_key_enabled(self, key_id: str, *, enabled: bool) -> ApiKey:
        """Let a key work, or not; raises UnknownKeyError."""
        ...

    def set_key_plan(self, key_id: str, plan: str, from_ms: int | None = None) -> ApiKey:
        """Change a key's plan, now or later; raises UnknownKeyError and PastChangeError."""
        ...

    def get_key(self, key_id: str) -> ApiKey:
        """Return a key; raises UnknownKeyError."""
        ...

    def list_keys(self, customer_id: str | None = None) -> tuple[ApiKey, ...]:
        """Return all keys, or those of one customer, oldest first."""
        ...

    def list_events(self, key_id: str) -> tuple[tuple[str, str, str], ...]:
        """Return a key's history, oldest first: action, plan and instant (RFC 3339)."""
        ...

    def assignments(self) -> tuple[Assignment, ...]:
        """Return whose usage was whose, and by which plan, from the beginning on; see `make_assignments`."""
        ...


def check_customer_id(customer_id: str) -> None:
    """Refuse an id that cannot be part of an object key."""
    if not _CUSTOMER_ID.fullmatch(customer_id):
        raise InvalidCustomerError("a customer's id is lower-case letters, digits and hyphens, at most 63")


def new_key_id() -> str:
    """Make a key's id."""
    return "".join(secrets.choice(_ID_ALPHABET) for _ in range(_ID_LENGTH))


def new_secret() -> str:
    """Make a secret of 32 random bytes; API Gateway accepts values of 20 to 128 characters."""
    return KEY_PREFIX + secrets.token_urlsafe(32)


def instant_of(at_ms: int) -> datetime:
    """Turn milliseconds since 1970 into an aware instant, UTC."""
    return datetime.fromtimestamp(at_ms // 1000, UTC).replace(microsecond=at_ms % 1000 * 1000)
