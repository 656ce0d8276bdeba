"""Accounts that write down who changed them."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator

from ratecard.billing.segments import Assignment
from ratecard.kernel.clock import rfc3339_from_epoch_ms
from ratecard.storage.assignments import files_subject
from ratecard.storage.audit import AuditTrail, State
from ratecard.storage.customers import Accounts, ApiKey, Customer, IssuedKey, Terms


class AuditedAccounts:
    """Changes accounts, and records each change.

    The record follows the change. If the process is killed in between, `AuditTrail.verify` names what has no record;
    nothing is changed where no record could be added.

    Parameters
    ----------
    accounts : Accounts
        What is changed.
    trail : AuditTrail
        Where it is recorded.
    actor : str
        Who makes the changes.
    """

    def __init__(self, accounts: Accounts, trail: AuditTrail, actor: str) -> None:
        self.accounts = accounts
        self._trail = trail
        self._actor = actor

    def create_customer(self, customer_id: str, name: str, terms: Terms, files_plan: str) -> Customer:
        """See `Accounts`."""
        with self._customer_recorded("customer.created", customer_id):
            return self.accounts.create_customer(customer_id, name, terms, files_plan)

    def ensure_customer(self, customer_id: str, name: str) -> Customer:
        """See `Accounts`."""
        with self._customer_recorded("customer.created", customer_id):
            return self.accounts.ensure_customer(customer_id, name)

    def change_customer(self, customer_id: str, *, name: str | None = None, terms: Terms | None = None) -> Customer:
        """See `Accounts`."""
        with self._customer_recorded("customer.changed", customer_id):
            return self.accounts.change_customer(customer_id, name=name, terms=terms)

    def set_files_plan(self, customer_id: str, plan: str, from_ms: int | None = None) -> Customer:
        """See `Accounts`."""
        with self._customer_recorded("customer.files_plan_set", customer_id):
            return self.accounts.set_files_plan(customer_id, plan, from_ms)

    def create_key(self, customer_id: str, plan: str, name: str, key_id: str | None = None) -> IssuedKey:
        """See `Accounts`."""
        self._trail.require(self._actor)
        issued = self.accounts.create_key(customer_id, plan, name, key_id)
        subject = f"key/{issued.key.id}"
        self._trail.record(
            self._actor, "key.created", subject, before=None, after=key_state(issued.key, self.accounts.assignments())
        )
        return issued

    def rotate_key(self, key_id: str) -> IssuedKey:
        """See `Accounts`."""
        with self._key_recorded("key.rotated", key_id):
            return self.accounts.rotate_key(key_id)

    def set_key_enabled(self, key_id: str, *, enabled: bool) -> ApiKey:
        """See `Accounts`."""
        with self._key_recorded("key.enabled" if enabled else "key.disabled", key_id):
            return self.accounts.set_key_enabled(key_id, enabled=enabled)

    def set_key_plan(self, key_id: str, plan: str, from_ms: int | None = None) -> ApiKey:
        """See `Accounts`."""
        with self._key_recorded("key.plan_set", key_id):
            return self.accounts.set_key_plan(key_id, plan, from_ms)

    @contextlib.contextmanager
    def _customer_recorded(self, action: str, customer_id: str) -> Iterator[None]:
        def state() -> State | None:
            if not self.accounts.has_customer(customer_id):
                return None
            return customer_state(self.accounts.get_customer(customer_id), self.accounts.assignments())

        with self._recorded(action, f"customer/{customer_id}", state):
            yield

    @contextlib.contextmanager
    def _key_recorded(self, action: str, key_id: str) -> Iterator[None]:
        def state() -> State:
            return key_state(self.accounts.get_key(key_id), self.accounts.assignments())

        with self._recorded(action, f"key/{key_id}", state):
            yield

    @contextlib.contextmanager
    def _recorded(self, action: str, subject: str, state: Callable[[], State | None]) -> Iterator[None]:
        self._trail.require(self._actor)
        before = state()
        yield
        after = state()
        if after != before:
            self._trail.record(self._actor, action, subject, before=before, after=after)


def account_states(accounts: Accounts) -> dict[str, State]:
    """Return what is recorded of every customer and key, by subject."""
    by_subject: dict[str, list[Assignment]] = {}
    for assignment in accounts.assignments():
        by_subject.setdefault(assignment.subject, []).append(assignment)
    customers = {
        f"customer/{customer.id}": customer_state(customer, by_subject[files_subject(customer.id)])
        for customer in accounts.list_customers()
    }
    return customers | {f"key/{key.id}": key_state(key, by_subject[key.id]) for key in accounts.list_keys()}


def customer_state(customer: Customer, assignments: Iterable[Assignment]) -> State:
    """Return what is recorded of a customer."""
    return {
        "name": customer.name,
        "zone": customer.terms.calendar.zone,
        "anchor_day": customer.terms.calendar.anchor_day,
        "currency": customer.terms.currency,
        "files_plans": _plans(files_subject(customer.id), assignments),
    }


def key_state(key: ApiKey, assignments: Iterable[Assignment]) -> State:
    """Return what is recorded of a key."""
    return {
        "customer": key.customer_id,
        "name": key.name,
        "secret_sha256": key.secret_sha256,
        "last4": key.last4,
        "enabled": key.enabled,
        "plans": _plans(key.id, assignments),
    }


def _plans(subject: str, assignments: Iterable[Assignment]) -> list[list[str]]:
    """Return a subject's plans, each with when it begins."""
    return [[found.plan, rfc3339_from_epoch_ms(found.from_ms)] for found in assignments if found.subject == subject]
