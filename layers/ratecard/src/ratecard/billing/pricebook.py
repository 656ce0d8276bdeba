"""Reading the price book, `infra/ratecard.toml`: strict, so that a slip of the pen is found before an invoice is."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import TypeVar

from ratecard.billing.plans import Operation, Period, Plan, Price, PriceBook, Quota
from ratecard.kernel.errors import ErrorKind, RatecardError
from ratecard.kernel.money import MINOR_UNIT_DIGITS

FORMAT = 1
MAXIMUM_DECIMALS = 12
# API Gateway's ceilings for a usage plan.
MAXIMUM_RATE_PER_SECOND = 10_000
MAXIMUM_BURST = 5_000
_SLUG = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_DECIMAL = re.compile(r"\d{1,12}(\.\d{1,12})?")

_Choice = TypeVar("_Choice", bound=Enum)
_Value = TypeVar("_Value")


class PriceBookError(RatecardError):
    """The file of plans and prices is missing or says something that cannot be meant."""

    code = "invalid_price_book"
    kind = ErrorKind.INVALID


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
        TOML with `format`, `currency`, `[[plans]]` and `[[prices]]`. Prices are decimal strings: a TOML float
        is a binary fraction and is refused.

    Raises
    ------
    PriceBookError
        If a field is missing, unknown, of a wrong type or out of range, or an entry is given twice for one day.
    """
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise PriceBookError(f"the price book is not valid TOML: {error}") from error
    table = _Table("the price book", document)
    if table.take("format", int) != FORMAT:
        raise PriceBookError(f"the price book must have format = {FORMAT}")
    currency = table.take("currency", str)
    if currency not in MINOR_UNIT_DIGITS:
        raise PriceBookError(f"currency must be one of {', '.join(sorted(MINOR_UNIT_DIGITS))}")
    plans = tuple(_parse_plan(entry) for entry in table.take_tables("plans"))
    prices = tuple(_parse_price(entry) for entry in table.take_tables("prices"))
    table.finish()
    _refuse_repeated([plan.version for plan in plans])
    _refuse_repeated([price.version for price in prices])
    return PriceBook(currency, plans, prices)


class _Table:
    """A TOML table whose every entry must be taken once, by its type."""

    def __init__(self, name: str, entries: Mapping[str, object]) -> None:
        self.name = name
        self._left = dict(entries)

    def take(self, key: str, kind: type[_Value]) -> _Value:
        if key not in self._left:
            raise PriceBookError(f"{self.name}: {key} is missing")
        value = self._left.pop(key)
        if type(value) is not kind:
            raise PriceBookError(f"{self.name}: {key} must be of type {kind.__name__}")
        return value

    def take_number(self, key: str, maximum: float) -> float:
        value = self.take(key, float) if isinstance(self._left.get(key), float) else self.take(key, int)
        if not 0 < value <= maximum:
            raise PriceBookError(f"{self.name}: {key} must be above 0 and at most {maximum:g}")
        return value

    def take_count(self, key: str, maximum: int) -> int:
        value = self.take(key, int)
        if not 0 < value <= maximum:
            raise PriceBookError(f"{self.name}: {key} must be above 0 and at most {maximum}")
        return value

    def take_slug(self, key: str) -> str:
        value = self.take(key, str)
        if not _SLUG.fullmatch(value):
            raise PriceBookError(f"{self.name}: {key} must be lower-case words joined by hyphens")
        return value

    def take_choice(self, key: str, kind: type[_Choice]) -> _Choice:
        try:
            return kind(self.take(key, str))
        except ValueError:
            choices = ", ".join(str(member.value) for member in kind)
            raise PriceBookError(f"{self.name}: {key} must be one of {choices}") from None

    def take_decimal(self, key: str) -> Decimal:
        text = self.take(key, str)
        if not _DECIMAL.fullmatch(text):
            raise PriceBookError(f"{self.name}: {key} must be a decimal string, at most {MAXIMUM_DECIMALS} decimals")
        return Decimal(text)

    def take_table(self, key: str) -> _Table | None:
        value = self._left.pop(key, None)
        if value is not None and not isinstance(value, dict):
            raise PriceBookError(f"{self.name}: {key} must be a table")
        return None if value is None else _Table(f"{self.name}: {key}", value)

    def take_tables(self, key: str) -> list[_Table]:
        value = self.take(key, list)
        if not value or not all(isinstance(entry, dict) for entry in value):
            raise PriceBookError(f"{self.name}: {key} must be a list of tables and not empty")
        return [_Table(f"{key}[{number}]", entry) for number, entry in enumerate(value)]

    def finish(self) -> None:
        if self._left:
            raise PriceBookError(f"{self.name}: {min(self._left)} is not a known field")


def _parse_plan(table: _Table) -> Plan:
    plan = Plan(
        slug=table.take_slug("slug"),
        title=table.take("title", str),
        about=table.take("about", str),
        effective_on=table.take("effective_from", date),
        rate_per_second=table.take_number("rate_per_second", MAXIMUM_RATE_PER_SECOND),
        burst=table.take_count("burst", MAXIMUM_BURST),
        quota=_parse_quota(table.take_table("quota")),
    )
    table.finish()
    return plan


def _parse_quota(table: _Table | None) -> Quota | None:
    if table is None:
        return None
    limit = table.take("limit", int)
    if limit < 1:
        raise PriceBookError(f"{table.name}: limit must be at least 1")
    quota = Quota(limit, table.take_choice("period", Period))
    table.finish()
    return quota


def _parse_price(table: _Table) -> Price:
    price = Price(
        model=table.take_slug("model"),
        operation=table.take_choice("operation", Operation),
        effective_on=table.take("effective_from", date),
        unit_price=table.take_decimal("unit_price"),
    )
    table.finish()
    return price


def _refuse_repeated(versions: list[str]) -> None:
    repeated = sorted({version for version in versions if versions.count(version) > 1})
    if repeated:
        raise PriceBookError(f"{repeated[0]} is given twice")
