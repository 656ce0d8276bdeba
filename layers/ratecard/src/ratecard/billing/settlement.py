"""Who sells, and who our customers and products are at other systems: `infra/settlement.toml`. It holds no secret."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ratecard.billing.rendering.parties import Party
from ratecard.billing.tomltable import PriceBookError, Table
from ratecard.kernel.errors import ErrorKind, RatecardError

FORMAT = 1
SETTLEMENT = Path("infra") / "settlement.toml"
"""Where it is in a project."""


class SettlementError(RatecardError):
    """The file of sellers and counterparts cannot be read or says something that cannot be meant."""

    code = "invalid_settlement"
    kind = ErrorKind.INVALID


@dataclass(frozen=True, slots=True)
class Buyer:
    """A customer at AWS Marketplace: account id and licence."""

    account: str
    licence: str


@dataclass(frozen=True, slots=True)
class Counterparts:
    """Names at another system.

    Attributes
    ----------
    customers : mapping of str to str
        Its customer or subscription, by our customer's id.
    meters : mapping of str to str
        Its meter, metric or dimension, by our product (``model/operation/level``).
    """

    customers: Mapping[str, str] = field(default_factory=dict)
    meters: Mapping[str, str] = field(default_factory=dict)


NOBODY = Counterparts()


@dataclass(frozen=True, slots=True)
class Settlement:
    """What the file says.

    Attributes
    ----------
    seller : Party
        As invoices name it.
    addresses : mapping of str to tuple of str
        Lines below a customer's name on an invoice.
    stripe, openmeter, lago, marketplace : Counterparts
        By system.
    buyers : mapping of str to Buyer
        Customers at AWS Marketplace.
    """

    seller: Party = field(default_factory=Party)
    addresses: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    stripe: Counterparts = NOBODY
    openmeter: Counterparts = NOBODY
    lago: Counterparts = NOBODY
    marketplace: Counterparts = NOBODY
    buyers: Mapping[str, Buyer] = field(default_factory=dict)


def load_settlement(path: Path) -> Settlement:
    """Read the file; without one nobody has a counterpart and the seller no name.

    Raises
    ------
    SettlementError
        If it is there and cannot be read or breaks a rule of `parse_settlement`.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return Settlement()
    except (OSError, UnicodeDecodeError) as error:
        raise SettlementError(f"{path} cannot be read") from error
    return parse_settlement(text)


def parse_settlement(text: str) -> Settlement:
    """Turn TOML into a settlement.

    Raises
    ------
    SettlementError
        If a field is unknown, missing or of a wrong type.
    """
    try:
        return _parse(Table("the settlement file", tomllib.loads(text)))
    except tomllib.TOMLDecodeError as error:
        raise SettlementError(f"the settlement file is not valid TOML: {error}") from error
    except PriceBookError as error:
        raise SettlementError(error.detail) from error


def _parse(table: Table) -> Settlement:
    if table.take("format", int) != FORMAT:
        raise SettlementError(f"the settlement file must have format = {FORMAT}")
    seller = table.take_table("seller")
    addresses = table.take_table("addresses")
    marketplace = table.take_table("marketplace")
    found = Settlement(
        seller=Party() if seller is None else _party(seller),
        addresses={} if addresses is None else {name: _lines(addresses, name) for name in addresses.names},
        stripe=_counterparts(table.take_table("stripe")),
        openmeter=_counterparts(table.take_table("openmeter")),
        lago=_counterparts(table.take_table("lago")),
        marketplace=Counterparts() if marketplace is None else Counterparts(meters=_texts(marketplace, "meters")),
        buyers={} if marketplace is None else _buyers(marketplace),
    )
    for each in (marketplace, table):
        if each is not None:
            each.finish()
    return found


def _party(table: Table) -> Party:
    party = Party(table.take("name", str), _lines(table, "lines") if "lines" in table else ())
    table.finish()
    return party


def _counterparts(table: Table | None) -> Counterparts:
    if table is None:
        return Counterparts()
    found = Counterparts(_texts(table, "customers"), _texts(table, "meters"))
    table.finish()
    return found


def _buyers(table: Table) -> dict[str, Buyer]:
    customers = table.take_table("customers")
    if customers is None:
        return {}
    found = {}
    for name in customers.names:
        entry = customers.take_table(name)
        if entry is None:
            raise SettlementError(f"{customers.name}: {name} must have account and licence")
        found[name] = Buyer(entry.take("account", str), entry.take("licence", str))
        entry.finish()
    return found


def _texts(table: Table, key: str) -> dict[str, str]:
    names = table.take_table(key)
    return {} if names is None else {name: names.take(name, str) for name in names.names}


def _lines(table: Table, key: str) -> tuple[str, ...]:
    lines = table.take(key, list)
    if not all(isinstance(line, str) for line in lines):
        raise SettlementError(f"{table.name}: {key} must be a list of texts")
    return tuple(lines)
