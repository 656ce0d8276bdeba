"""One run of an export: settle what an earlier run left open, plan, write down, send, note what came back."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from ratecard.billing.exports.account import SentAccount
from ratecard.billing.exports.deliveries import Delivery, Held, Outcome, Reason, Receipt
from ratecard.billing.exports.planning import Plan
from ratecard.storage.exports.journal import Journal
from ratecard.storage.exports.target import Target

Planner = Callable[[SentAccount], Plan]
Progress = Callable[[int, int], None]
"""Called with how many deliveries have an outcome, and how many there are."""


@dataclass(slots=True)
class Report:
    """What a run did.

    Attributes
    ----------
    accepted, duplicate : int
        Deliveries counted now, and those that had been counted before, in an earlier run or under way.
    units : int
        Units of both.
    held : list of Held
        What was not sent or not taken, sorted.
    """

    accepted: int = 0
    duplicate: int = 0
    units: int = 0
    held: list[Held] = field(default_factory=list)

    @property
    def needs_a_person(self) -> tuple[Held, ...]:
        """What no later run will send by itself."""
        return tuple(each for each in self.held if each.reason != Reason.OPEN.value)


def run_export(
    target: Target, journal: Journal, planner: Planner, *, now_ms: int, progress: Progress = lambda _done, _all: None
) -> Report:
    """Send what a system lacks.

    Parameters
    ----------
    target : Target
        The system.
    journal : Journal
        What it was sent so far.
    planner : callable
        Makes the plan from the account, once what was pending is settled.
    now_ms : int
        The present.
    progress : callable, optional
        See `Progress`.

    Returns
    -------
    Report
        Of everything that has an outcome.

    Raises
    ------
    TargetUnavailableError, TargetForbiddenError
        If the system does not answer, or not to us; run it again, nothing is counted twice.
    """
    report = Report()
    _settle_pending(target, journal, now_ms, report)
    plan = planner(journal.account)
    deliveries, unmapped = _split(target, plan.deliveries)
    report.held += [*plan.held, *unmapped]
    progress(0, len(deliveries))
    for start in range(0, len(deliveries), target.together):
        _send(target, journal, deliveries[start : start + target.together], (now_ms, report))
        progress(min(start + target.together, len(deliveries)), len(deliveries))
    report.held = sorted(set(report.held))
    return report


def preview_export(target: Target, journal: Journal, planner: Planner) -> Plan:
    """Return what a run would send, pending deliveries again among it; nothing is sent or written."""
    plan = planner(journal.account)
    again = [pending.delivery for pending in journal.account.pending]
    deliveries, unmapped = _split(target, sorted([*again, *plan.deliveries]))
    return Plan(tuple(deliveries), tuple(sorted((*plan.held, *unmapped))))


def _settle_pending(target: Target, journal: Journal, now_ms: int, report: Report) -> None:
    again: list[Delivery] = []
    for pending in journal.account.pending:
        if target.lacks(pending.delivery):
            report.held.append(_held(Reason.UNMAPPED, pending.delivery, target.lacks(pending.delivery)))
        elif target.resend_ms is None or now_ms - pending.first_sent_ms < target.resend_ms:
            again.append(pending.delivery)
        else:
            _look_up(target, journal, pending.delivery, report)
    for start in range(0, len(again), target.together):
        _send_again(target, journal, again[start : start + target.together], report)


def _send_again(target: Target, journal: Journal, deliveries: Sequence[Delivery], report: Report) -> None:
    """Send what may have been counted already: that it is refused now does not say that it was not counted then."""
    sent = target.send(deliveries)
    known = [receipt for receipt in sent.receipts if receipt.outcome is not Outcome.REFUSED]
    journal.settle((receipt.delivery.identifier, receipt.outcome) for receipt in known)
    for receipt in known:
        _add(report, receipt)
    if sent.failure is not None:
        raise sent.failure
    for receipt in sent.receipts:
        if receipt.outcome is Outcome.REFUSED:
            _look_up(target, journal, receipt.delivery, report)


def _look_up(target: Target, journal: Journal, delivery: Delivery, report: Report) -> None:
    """Ask instead of sending again: the identifier may be forgotten, and the units would count twice."""
    counted = target.find_counted(delivery, journal.account.units_of(delivery.slot))
    if counted is None:
        report.held.append(_held(Reason.UNRESOLVED, delivery, delivery.identifier))
        return
    # What was not counted is planned anew.
    journal.settle([(delivery.identifier, Outcome.DUPLICATE if counted else Outcome.REFUSED)])
    if counted:
        _add(report, Receipt(delivery, Outcome.DUPLICATE))


def _send(target: Target, journal: Journal, deliveries: Sequence[Delivery], known: tuple[int, Report]) -> None:
    now_ms, report = known
    journal.intend(deliveries, now_ms)
    sent = target.send(deliveries)
    journal.settle((receipt.delivery.identifier, receipt.outcome) for receipt in sent.receipts)
    for receipt in sent.receipts:
        _add(report, receipt)
    if sent.failure is not None:
        raise sent.failure


def _add(report: Report, receipt: Receipt) -> None:
    if receipt.outcome is Outcome.REFUSED:
        report.held.append(_held(Reason.REFUSED, receipt.delivery, receipt.code))
        return
    report.units += receipt.delivery.units
    if receipt.outcome is Outcome.ACCEPTED:
        report.accepted += 1
    else:
        report.duplicate += 1


def _split(target: Target, deliveries: Iterable[Delivery]) -> tuple[list[Delivery], list[Held]]:
    named: list[Delivery] = []
    unmapped: list[Held] = []
    for delivery in deliveries:
        lack = target.lacks(delivery)
        if lack:
            unmapped.append(_held(Reason.UNMAPPED, delivery, lack))
        else:
            named.append(delivery)
    return named, unmapped


def _held(reason: Reason, delivery: Delivery, detail: str) -> Held:
    return Held(reason.value, delivery.slot, delivery.units, detail)
