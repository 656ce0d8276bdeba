"""Grants of prepaid money, on a chain of their own: each is written once, and what was spent is on the invoices."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from ratecard.billing.canonical import canonical
from ratecard.billing.credits import InvalidCreditError
from ratecard.billing.invoice import money_text
from ratecard.billing.prepaid import Grant
from ratecard.billing.segments import instant_ms
from ratecard.kernel.clock import rfc3339_from_epoch_ms
from ratecard.kernel.errors import ErrorKind, RatecardError
from ratecard.kernel.money import Money
from ratecard.storage.accounts import now_ms
from ratecard.storage.chain import BrokenChainError, Chain, Document

FORMAT = 1


class TakenGrantError(RatecardError):
    """The customer has another grant under this id."""

    code = "taken_grant"
    kind = ErrorKind.CONFLICT


@dataclass(frozen=True, slots=True)
class RecordedGrant:
    """A grant as it is written down.

    Attributes
    ----------
    customer, currency : str
        Whose, in what.
    grant : Grant
        Id, amount and for how long.
    reason : str
        One sentence for the customer.
    """

    customer: str
    currency: str
    grant: Grant
    reason: str


class Grants:
    """Grants of all customers.

    Parameters
    ----------
    chain : Chain
        Where they are.
    clock : callable, optional
        Gives the present in milliseconds since 1970.
    """

    def __init__(self, chain: Chain, clock: Callable[[], int] = now_ms) -> None:
        self._chain = chain
        self._clock = clock
        self._found: list[RecordedGrant] = []

    def list_of(self, customer: str) -> tuple[RecordedGrant, ...]:
        """Return a customer's grants, oldest first; raises BrokenChainError."""
        self._look(self._chain.read())
        return tuple(each for each in self._found if each.customer == customer)

    def grant(self, customer: str, money: Money, reason: str, *, expires_ms: int | None, grant_id: str = "") -> Grant:
        """Write a grant down; it can be spent from now on.

        Parameters
        ----------
        customer : str
            The customer's id.
        money : Money
            Above zero, in the currency's minor unit.
        reason : str
            One sentence for the customer.
        expires_ms : int or None
            When it cannot be spent any more, milliseconds since 1970; None is never.
        grant_id : str
            Unique for the customer; giving the same again is giving it once. "" makes one.

        Returns
        -------
        Grant
            What is written down; the earlier one if it was there.

        Raises
        ------
        InvalidCreditError
            If it is no amount of money, or has expired.
        TakenGrantError
            If another grant has this id.
        BrokenChainError
            If documents are missing or damaged.
        """
        now = self._clock()
        _check(money, expires_ms, now)
        wanted = Grant(grant_id or secrets.token_hex(6), money.amount, now, expires_ms)
        found = RecordedGrant(customer, money.currency, wanted, reason)
        try:
            self._chain.append(lambda number, previous, earlier: self._write(found, number, previous, earlier))
        except _ThereAlreadyError as there:
            return there.grant
        return wanted

    def _write(self, wanted: RecordedGrant, number: int, previous: str, earlier: Sequence[Document]) -> bytes:
        self._look(earlier)
        grant = wanted.grant
        for each in self._found:
            if (each.customer, each.grant.id) == (wanted.customer, grant.id):
                if (each.grant.amount, each.grant.expires_ms, each.currency) == (
                    *(grant.amount, grant.expires_ms),
                    wanted.currency,
                ):
                    raise _ThereAlreadyError(each.grant)
                raise TakenGrantError(f"{wanted.customer} has another grant {grant.id}")
        expires_at = None if grant.expires_ms is None else rfc3339_from_epoch_ms(grant.expires_ms)
        return canonical(
            {
                "format": FORMAT,
                "kind": "grant",
                "number": number,
                "previous_sha256": previous,
                "customer": wanted.customer,
                "currency": wanted.currency,
                "grant": grant.id,
                "amount": money_text(grant.amount, wanted.currency),
                "from": rfc3339_from_epoch_ms(grant.from_ms),
                "expires": expires_at,
                "reason": wanted.reason,
            }
        )

    def _look(self, documents: Sequence[Document]) -> None:
        for document in documents[len(self._found) :]:
            self._found.append(_parse(document))


class _ThereAlreadyError(Exception):
    def __init__(self, grant: Grant) -> None:
        super().__init__(grant.id)
        self.grant = grant


def _check(money: Money, expires_ms: int | None, now: int) -> None:
    if not money.amount.is_finite() or money.amount <= 0 or money.amount != money.rounded().amount:
        raise InvalidCreditError(f"a grant is an amount above zero that can be paid in {money.currency}")
    if expires_ms is not None and expires_ms <= now:
        raise InvalidCreditError("a grant cannot have expired already")


def _parse(document: Document) -> RecordedGrant:
    try:
        said = json.loads(document.content)
        expires = None if said["expires"] is None else instant_ms(said["expires"])
        grant = Grant(said["grant"], Decimal(said["amount"]), instant_ms(said["from"]), expires)
        return RecordedGrant(said["customer"], said["currency"], grant, said["reason"])
    except (ValueError, KeyError, TypeError, ArithmeticError):
        raise BrokenChainError(f"grant {document.number} is damaged; verify the chain of grants") from None
