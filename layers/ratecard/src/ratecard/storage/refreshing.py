"""The job of every minute: count, lay out what customers may read, and net prepaid balances.

No call writes anything: a key is disabled by what the lake says, so what can be used beyond a balance is bounded by the
plan's rate, the job's lag and the dearest price (`ratecard.billing.prepaid.compute_overshoot_bound`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from ratecard.billing.invoice import money_text
from ratecard.billing.lines import Line
from ratecard.billing.periods import Period
from ratecard.billing.prepaid import Balance, Draw, KeySwitch, PrepaidKey, decide_switches
from ratecard.billing.tiers import ZERO
from ratecard.kernel.clock import rfc3339_from_epoch_ms
from ratecard.storage.audit import AuditTrail
from ratecard.storage.audited import AuditedAccounts
from ratecard.storage.customers import ApiKey, instant_of
from ratecard.storage.ledger import Ledger, Statement
from ratecard.storage.shelf import LaidOut, Shelf

ACTOR = "prepaid"
"""Who disables and enables keys because of a balance, in the audit trail."""
KEPT_PERIODS = 3
"""So many of a customer's latest periods without an invoice are counted anew; of those with grants, all."""


@dataclass(frozen=True, slots=True)
class Refreshed:
    """What one run has done.

    Attributes
    ----------
    as_of_ms : int
        When the lake was read.
    customers : int
        How many were counted.
    stored : tuple of str
        Objects that had changed.
    switches : tuple of KeySwitch
        Keys that were disabled or enabled.
    """

    as_of_ms: int
    customers: int
    stored: tuple[str, ...]
    switches: tuple[KeySwitch, ...]


def refresh(ledger: Ledger, shelf: Shelf, accounts: AuditedAccounts, trail: AuditTrail, *, as_of_ms: int) -> Refreshed:
    """Bring what customers see, and their prepaid keys, up to date. It may be run at any time and any number of times.

    Parameters
    ----------
    ledger : Ledger
        Computes what is owed.
    shelf : Shelf
        Where it is laid out.
    accounts : AuditedAccounts
        Changes keys as `ACTOR`.
    trail : AuditTrail
        Says who disabled a key.
    as_of_ms : int
        The present, milliseconds since 1970.
    """
    statements = _assess_all(ledger, as_of_ms)
    laid_out = {
        name: LaidOut(
            usage={each.draft.period.name: describe_usage(each) for each in found},
            documents=[each.described() for each in ledger.sources.issued.list_of(name)],
        )
        for name, found in statements.items()
    }
    stored = shelf.lay_out(laid_out, rfc3339_from_epoch_ms(as_of_ms))
    available = {name: _available(found[-1].balance if found else None) for name, found in statements.items()}
    plans = {slug for slug, plan in ledger.sources.book.plans_at(instant_of(as_of_ms)).items() if plan.prepaid}
    keys = [key for key in accounts.accounts.list_keys() if key.plan in plans]
    switches = _net(keys, available, accounts, trail)
    return Refreshed(as_of_ms, len(statements), tuple(stored), tuple(switches))


def describe_usage(statement: Statement) -> dict[str, object]:
    """Return what a customer may read of a period, as JSON; amounts are decimal strings."""
    draft = statement.draft
    described: dict[str, object] = {
        "customer": draft.customer,
        "currency": draft.currency,
        "period": {
            "name": draft.period.name,
            "zone": draft.calendar.zone,
            "from": rfc3339_from_epoch_ms(draft.period.from_ms),
            "to": rfc3339_from_epoch_ms(draft.period.to_ms),
        },
        "is_over": statement.is_over,
        "lines": [_describe_line(line, draft.currency) for line in draft.lines],
        "adjustments": [_describe_line(line, draft.currency) for line in draft.adjustments],
        "total": money_text(statement.total, draft.currency),
        "credit_used": money_text(draft.credit_used, draft.currency),
        "due": money_text(statement.due, draft.currency),
    }
    if statement.balance is not None:
        described["prepaid"] = {"available": money_text(statement.balance.available, draft.currency)}
    return described


def _describe_line(line: Line, currency: str) -> dict[str, object]:
    key = line.key
    return {
        "period": key.period,
        "kind": key.kind,
        "model": key.model,
        "operation": key.operation,
        "level": key.level,
        "plan_version": key.plan_version,
        "price_version": key.price_version,
        "reason": key.reason,
        "correction": line.correction.value,
        "calls": line.calls,
        "units": line.units,
        "amount": money_text(line.amount, currency),
    }


def _assess_all(ledger: Ledger, as_of_ms: int) -> dict[str, list[Statement]]:
    """Return each customer's statements since the last invoice, oldest first; each draws on what the others left."""
    wanted: dict[str, list[Period]] = {}
    for customer in ledger.sources.accounts.list_customers():
        periods = ledger.list_unbilled(customer.id, as_of_ms=as_of_ms)
        granted = ledger.sources.grants.list_of(customer.id)
        wanted[customer.id] = periods if granted else periods[-KEPT_PERIODS:]
    found: dict[str, list[Statement]] = {name: [] for name in wanted}
    pending: dict[str, tuple[Draw, ...]] = {}
    most = max(map(len, wanted.values()), default=0)
    for left in range(most, 0, -1):
        # Counted from the end, so that all present periods come in one reading of the lake.
        round_ = {name: periods[-left] for name, periods in wanted.items() if len(periods) >= left}
        assessed = ledger.assess(round_, as_of_ms=as_of_ms, pending=pending, adjust=False)
        for name, statement in assessed.items():
            found[name].append(statement)
            pending[name] = pending.get(name, ()) + statement.draft.draws
    return found


def _available(balance: Balance | None) -> Decimal:
    return ZERO if balance is None else balance.available


def _net(
    keys: list[ApiKey], available: Mapping[str, Decimal], accounts: AuditedAccounts, trail: AuditTrail
) -> list[KeySwitch]:
    stopped = _stopped(trail, keys)
    switches: list[KeySwitch] = []
    for name, left in available.items():
        own = [PrepaidKey(key.id, key.enabled, key.id in stopped) for key in keys if key.customer_id == name]
        switches += decide_switches(left, own)
    for switch in switches:
        accounts.set_key_enabled(switch.key_id, enabled=switch.enabled)
    return switches


def _stopped(trail: AuditTrail, keys: Iterable[ApiKey]) -> set[str]:
    """Return the disabled keys that this job has disabled, not a person."""
    disabled = {f"key/{key.id}" for key in keys if not key.enabled}
    if not disabled:
        return set()
    last = {
        record.subject: record
        for record in trail.list_records()
        if record.subject in disabled and record.action == "key.disabled"
    }
    return {subject.removeprefix("key/") for subject, record in last.items() if record.actor == ACTOR}
