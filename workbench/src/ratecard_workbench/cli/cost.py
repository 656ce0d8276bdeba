"""`ratecard cost`: what metering costs a million calls in AWS, from dated prices, and how the count grows with them."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

import click

from ratecard_workbench.cli.options import json_option
from ratecard_workbench.cli.tables import make_table, print_table
from ratecard_workbench.cli.terminal import message, result_json

PRICES = Path(__file__).with_name("cost.toml")
CALLS = 1_000_000
GIGABYTE = 10**9
ONE_MACHINE_CALLS = 50_000_000
"""Up to so many calls a period one machine of two cores counts by duckdb; beyond, the same query runs in Athena."""
_STEP = Decimal("0.0001")


@dataclass(frozen=True, slots=True)
class Item:
    """One item of the cost.

    Attributes
    ----------
    name, about : str
        What it is, and what its price is for.
    quantity, unit_price, amount : Decimal
        For a million calls; the amount in US dollars.
    """

    name: str
    about: str
    quantity: Decimal
    unit_price: Decimal
    amount: Decimal


@click.command()
@click.option("--prices", type=click.Path(exists=True, dir_okay=False, path_type=Path), default=PRICES, hidden=True)
@json_option
def cost(*, prices: Path, as_json: bool) -> None:
    """Show what metering and counting a million calls cost in AWS, beside the price of the calls themselves."""
    table = tomllib.loads(prices.read_text(encoding="utf-8"))
    items = compute_items(table)
    total = sum((each.amount for each in items), Decimal(0))
    engine = f"up to {ONE_MACHINE_CALLS:,} calls a period: duckdb on one machine; beyond: Athena on the same lake"
    if as_json:
        shown = [asdict(each) for each in items]
        document = {"calls": CALLS, "items": shown, "total": total, "prices_read_on": table["read_on"]}
        result_json(document | {"engine": engine})
        return
    rows = [(each.name, f"{each.quantity:.3f} GB", each.unit_price, each.amount) for each in items]
    title = f"A million calls, US dollars, prices as of {table['read_on']}"
    print_table(make_table(title, ("item", "quantity", "per GB", "amount"), [*rows, ("total", "", "", total)]))
    message(engine)


def compute_items(table: Mapping[str, object]) -> list[Item]:
    """Compute the cost of a million calls from sizes and prices; raises KeyError if one is missing."""
    sizes, items = table["sizes"], table["items"]
    assert isinstance(sizes, dict)
    assert isinstance(items, list)
    quantities = {
        "usage_gb": Decimal(sizes["usage_bytes"]) * CALLS / GIGABYTE,
        "access_5kb_gb": Decimal(-(-sizes["access_bytes"] // 5120) * 5120) * CALLS / GIGABYTE,
    }
    found = []
    for each in items:
        quantity, unit_price = quantities[each["per"]], Decimal(each["unit_price"])
        amount = (quantity * unit_price).quantize(_STEP, ROUND_HALF_UP)
        found.append(Item(each["name"], each["about"], quantity, unit_price, amount))
    return found
