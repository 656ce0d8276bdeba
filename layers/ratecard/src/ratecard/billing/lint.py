"""What a price book may say but perhaps does not mean. What it must not say, `parse_price_book` refuses."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ratecard.billing.plans import Price, PriceBook
from ratecard.billing.tiers import Mode, compute_charge
from ratecard.kernel.money import Money


@dataclass(frozen=True, slots=True)
class Finding:
    """Something to look at.

    Attributes
    ----------
    code : str
        `volume_cliff` (buying one unit more costs less) or `unsold_in_plan` (a plan has no price where others have).
    version : str
        Version of the price that it is about.
    detail : str
        One sentence.
    """

    code: str
    version: str
    detail: str


def lint_price_book(book: PriceBook) -> tuple[Finding, ...]:
    """Look for volume cliffs and for plans that are left without a price."""
    return tuple(_cliffs(book)) + tuple(_unsold(book))


def _cliffs(book: PriceBook) -> Iterator[Finding]:
    for price in book.prices:
        if price.tariff.mode is not Mode.VOLUME:
            continue
        for bound in (tier.up_to for tier in price.tariff.tiers if tier.up_to is not None):
            at, above = (compute_charge(price.tariff, units).amount for units in (bound, bound + 1))
            if above < at:
                costs = [f"{Money(amount, book.currency).rounded().amount}" for amount in (at, above)]
                detail = f"{bound} units cost {costs[0]} {book.currency}, one more costs {costs[1]}"
                yield Finding("volume_cliff", price.version, detail)


def _unsold(book: PriceBook) -> Iterator[Finding]:
    general = {_product(price) for price in book.prices if price.plan is None}
    slugs = {plan.slug for plan in book.plans}
    special: dict[tuple[str, str, str], list[Price]] = {}
    for price in book.prices:
        if price.plan is not None and _product(price) not in general:
            special.setdefault(_product(price), []).append(price)
    for prices in special.values():
        missing = sorted(slugs - {price.plan for price in prices if price.plan is not None})
        if missing:
            detail = f"not on sale in: {', '.join(missing)}; calls of these plans would have no price"
            yield Finding("unsold_in_plan", prices[0].version, detail)


def _product(price: Price) -> tuple[str, str, str]:
    return price.model, price.operation.value, price.level
