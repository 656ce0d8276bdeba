"""Reading the price book, `infra/ratecard.toml`: strict, so that a slip of the pen is found before an invoice is."""

from __future__ import annotations

import tomllib
from datetime import date
from decimal import Decimal
from pathlib import Path

from ratecard.billing.plans import DEFAULT_TOLERANCE, STANDARD_LEVEL, Operation, Period, Plan, Price, PriceBook, Quota
from ratecard.billing.tiers import ZERO, Mode, Tariff, Tier, flat
from ratecard.billing.tomltable import PriceBookError, Table
from ratecard.kernel.money import MINOR_UNIT_DIGITS

__all__ = ["FORMAT", "PriceBookError", "load_price_book", "parse_price_book"]

FORMAT = 1
# API Gateway's ceilings for a usage plan.
MAXIMUM_RATE_PER_SECOND = 10_000
MAXIMUM_BURST = 5_000
MAXIMUM_UNITS = 10**15


def load_price_book(path: Path) -> PriceBook:
    """Read and check the price book.

    Raises
    ------
    PriceBookError
        If the file is missing, is not TOML, or breaks a rule of `parse_price_book`.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise PriceBookError(f"{path} cannot be read: {error.strerror}") from error
    return parse_price_book(text)


def parse_price_book(text: str) -> PriceBook:
    """Turn TOML into a price book.

    Parameters
    ----------
    text : str
        TOML with `format`, `currency`, `[[plans]]`, `[[prices]]` and perhaps `[reconciliation]` with the `tolerance`
        of issuing. Prices are decimal strings: a TOML float is a binary fraction and is refused. A price has a
        `unit_price`, or a `mode` (graduated or volume) and `tiers`.

    Raises
    ------
    PriceBookError
        If a field is missing, unknown, of a wrong type or out of range, an entry is given twice for one day,
        tiers leave a gap or overlap, or a price is for a plan that is not there.
    """
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise PriceBookError(f"the price book is not valid TOML: {error}") from error
    table = Table("the price book", document)
    if table.take("format", int) != FORMAT:
        raise PriceBookError(f"the price book must have format = {FORMAT}")
    currency = table.take("currency", str)
    if currency not in MINOR_UNIT_DIGITS:
        raise PriceBookError(f"currency must be one of {', '.join(sorted(MINOR_UNIT_DIGITS))}")
    plans = tuple(_parse_plan(entry, currency) for entry in table.take_tables("plans"))
    prices = tuple(_parse_price(entry) for entry in table.take_tables("prices"))
    tolerance = _parse_tolerance(table.take_table("reconciliation"))
    table.finish()
    _refuse_repeated([plan.version for plan in plans])
    _refuse_repeated([price.version for price in prices])
    _refuse_unknown_plans(plans, prices)
    return PriceBook(currency, plans, prices, tolerance)


def _parse_tolerance(table: Table | None) -> Decimal:
    if table is None:
        return DEFAULT_TOLERANCE
    tolerance = table.take_decimal("tolerance")
    if tolerance > 1:
        raise PriceBookError(f"{table.name}: tolerance is a fraction, from 0 to 1")
    table.finish()
    return tolerance


def _parse_plan(table: Table, currency: str) -> Plan:
    plan = Plan(
        slug=table.take_slug("slug"),
        title=table.take("title", str),
        about=table.take("about", str),
        effective_on=table.take("effective_from", date),
        rate_per_second=table.take_number("rate_per_second", MAXIMUM_RATE_PER_SECOND),
        burst=table.take_count("burst", MAXIMUM_BURST),
        quota=_parse_quota(table.take_table("quota")),
        minimum_fee=_parse_minimum_fee(table, currency),
        prepaid=table.take_flag("prepaid"),
    )
    table.finish()
    return plan


def _parse_minimum_fee(table: Table, currency: str) -> Decimal:
    if "minimum_fee" not in table:
        return ZERO
    fee = table.take_decimal("minimum_fee")
    digits = MINOR_UNIT_DIGITS[currency]
    # Written digits, trailing zeros included: 1.50 in a currency without cents is a slip.
    if -int(fee.as_tuple().exponent) > digits:
        raise PriceBookError(f"{table.name}: minimum_fee must have at most {digits} decimals in {currency}")
    return fee


def _parse_quota(table: Table | None) -> Quota | None:
    if table is None:
        return None
    limit = table.take("limit", int)
    if limit < 1:
        raise PriceBookError(f"{table.name}: limit must be at least 1")
    quota = Quota(limit, table.take_choice("period", Period))
    table.finish()
    return quota


def _parse_price(table: Table) -> Price:
    price = Price(
        model=table.take_slug("model"),
        operation=table.take_choice("operation", Operation),
        effective_on=table.take("effective_from", date),
        tariff=_parse_tariff(table),
        level=table.take_slug("level") if "level" in table else STANDARD_LEVEL,
        plan=table.take_slug("plan") if "plan" in table else None,
    )
    table.finish()
    return price


def _parse_tariff(table: Table) -> Tariff:
    if "tiers" not in table:
        return flat(table.take_decimal("unit_price"))
    mode = table.take_choice("mode", Mode)
    tiers = tuple(_parse_tier(entry) for entry in table.take_tables("tiers"))
    fee_at_zero = table.take_flag("fee_at_zero")
    try:
        return Tariff(mode, tiers, fee_at_zero)
    except ValueError as error:
        raise PriceBookError(f"{table.name}: {error}") from None


def _parse_tier(table: Table) -> Tier:
    tier = Tier(
        up_to=table.take_count("up_to", MAXIMUM_UNITS) if "up_to" in table else None,
        unit_price=table.take_decimal("unit_price"),
        flat_fee=table.take_decimal("flat_fee") if "flat_fee" in table else ZERO,
    )
    table.finish()
    return tier


def _refuse_unknown_plans(plans: tuple[Plan, ...], prices: tuple[Price, ...]) -> None:
    known = {plan.slug for plan in plans}
    for price in prices:
        if price.plan is not None and price.plan not in known:
            raise PriceBookError(f"{price.version}: there is no plan {price.plan}")


def _refuse_repeated(versions: list[str]) -> None:
    repeated = sorted({version for version in versions if versions.count(version) > 1})
    if repeated:
        raise PriceBookError(f"{repeated[0]} is given twice")
