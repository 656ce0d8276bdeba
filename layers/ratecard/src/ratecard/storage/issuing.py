"""Issuing: a statement becomes an invoice, once, however often and by however many it is asked for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from ratecard.billing.blockers import Blocker, left_standing
from ratecard.billing.periods import Period
from ratecard.kernel.errors import ErrorKind, Problem, RatecardError
from ratecard.storage.audit import AuditTrail
from ratecard.storage.invoices import AlreadyIssuedError, Invoices
from ratecard.storage.issued import IssuedDocument
from ratecard.storage.ledger import Ledger, Statement

MOST_PROBLEMS = 50
"""So many blockers are named in an error; all are on the statement."""


class BlockedError(RatecardError):
    """Something must be looked at, or waited for, before the period is billed.

    Parameters
    ----------
    customer, period : str
        Whose, which.
    blockers : tuple of Blocker
        What.
    """

    code = "invoice_blocked"
    kind = ErrorKind.CONFLICT

    def __init__(self, customer: str, period: str, blockers: tuple[Blocker, ...]) -> None:
        kinds = ", ".join(f"{code} ({count})" for code, count in Counter(each.code for each in blockers).items())
        problems = tuple(Problem(each.code, each.code, each.detail) for each in blockers[:MOST_PROBLEMS])
        super().__init__(f"{period} of {customer} cannot be invoiced: {kinds}", problems)
        self.blockers = blockers


@dataclass(frozen=True, slots=True)
class Waiver:
    """What somebody has looked at and lets pass.

    Attributes
    ----------
    codes : frozenset of str
        Codes of blockers.
    reason : str
        Why; one sentence for the audit trail.
    """

    codes: frozenset[str] = frozenset()
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a customer's period.

    Attributes
    ----------
    customer : str
        Whose.
    period : Period
        Which.
    document : IssuedDocument or None
        Its invoice; None if it is blocked.
    existed : bool
        Whether the invoice was there before.
    blockers : tuple of Blocker
        Why there is none.
    """

    customer: str
    period: Period
    document: IssuedDocument | None = None
    existed: bool = False
    blockers: tuple[Blocker, ...] = ()


class Issuing:
    """Issues invoices.

    Parameters
    ----------
    ledger : Ledger
        Computes what is owed.
    invoices : Invoices
        Puts documents on the chain that the ledger reads.
    trail : AuditTrail
        Gets a record of what was waived.
    actor : str
        Who issues.
    """

    def __init__(self, ledger: Ledger, invoices: Invoices, trail: AuditTrail, actor: str) -> None:
        self._ledger = ledger
        self._invoices = invoices
        self._trail = trail
        self._actor = actor

    def issue(self, statement: Statement, waiver: Waiver | None = None) -> Outcome:
        """Issue the invoice of a statement.

        Raises
        ------
        BlockedError
            If something stands in the way that is not waived.
        AlreadyIssuedError
            If a part of the period is on another invoice, as after a change of the calendar.
        BrokenChainError
            If documents are missing or damaged.
        """
        waiver = waiver or Waiver()
        draft = statement.draft
        there = self._find(draft.customer, draft.period)
        if there is not None:
            return Outcome(draft.customer, draft.period, there, existed=True)
        left = left_standing(statement.blockers, waiver.codes)
        if left:
            raise BlockedError(draft.customer, draft.period.name, left)
        waived = sorted({each.code for each in statement.blockers})
        if waived:
            self._trail.require(self._actor)
        try:
            number = self._invoices.issue(draft).number
        except AlreadyIssuedError:
            there = self._find(draft.customer, draft.period)
            if there is None:
                raise
            return Outcome(draft.customer, draft.period, there, existed=True)
        if waived:
            calls = sorted({each.call_id for each in statement.blockers if each.call_id})
            after = {"waived": waived, "calls": calls, "reason": waiver.reason, "customer": draft.customer}
            self._trail.record(self._actor, "invoice.waived", f"invoice/{number}", before=None, after=after)
        return Outcome(draft.customer, draft.period, self._ledger.sources.issued.get(number))

    def issue_due(self, *, as_of_ms: int, waiver: Waiver | None = None) -> Iterator[Outcome]:
        """Issue everything that is due, each customer's oldest period first; what is blocked does not stop the others.

        Yields
        ------
        Outcome
            One for each period that was issued or is blocked.
        """
        blocked: set[str] = set()
        while True:
            due = self._ledger.find_due(as_of_ms=as_of_ms)
            wanted = {name: period for name, period in due.items() if name not in blocked}
            if not wanted:
                return
            for name, statement in sorted(self._ledger.assess(wanted, as_of_ms=as_of_ms).items()):
                try:
                    yield self.issue(statement, waiver)
                except BlockedError as error:
                    blocked.add(name)
                    yield Outcome(name, statement.draft.period, blockers=error.blockers)

    def _find(self, customer: str, period: Period) -> IssuedDocument | None:
        documents = self._ledger.sources.issued.list_of(customer)
        return next((each for each in documents if each.period == period), None)
