"""Rows of a page: what a line of a document says to its reader."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from ratecard.billing.lines import Correction
from ratecard.billing.plans import STANDARD_LEVEL
from ratecard.billing.rendering.words import counted, free_reason, grouped, priced

OPERATION_WORDS = {
    "predict": "answers",
    "explain": "answers with reasons",
    "batch": "rows of files",
    "batch_explain": "rows of files with reasons",
}


@dataclass(frozen=True, slots=True)
class TierRow:
    """One tier's part: which units, how many, at what price, with which fee, and what it comes to."""

    span: str
    units: str
    unit_price: str
    flat_fee: str
    amount: str


@dataclass(frozen=True, slots=True)
class Row:
    """One line.

    Attributes
    ----------
    title, detail : str
        What was used; by which plan and price.
    calls, units : str
        Counts with separators; "" where there is nothing to count.
    amount : str
        In the document's currency; "" where it is free.
    tiers : tuple of TierRow
        How the amount comes about.
    rounding : str
        The amount before it was rounded, if that is another; else "".
    """

    title: str
    detail: str
    calls: str
    units: str
    amount: str
    tiers: tuple[TierRow, ...] = ()
    rounding: str = ""


@dataclass(frozen=True, slots=True)
class Group:
    """Adjustments of one earlier period."""

    period: str
    rows: tuple[Row, ...]


Entry = Mapping[str, object]


def usage_row(line: Entry, currency: str) -> Row:
    """Return the row of a charge or a minimum fee."""
    amount = str(line["amount"])
    if line["kind"] == "minimum":
        return Row(
            title=f"Minimum fee, plan {_slug(line['plan_version'])}",
            detail="what this plan's charges fall short of it",
            calls="",
            units="",
            amount=grouped(amount),
            rounding=_rounding(line),
        )
    return Row(
        title=_product(line),
        detail=f"plan {_version(line['plan_version'])}, price {_version(line['price_version'])}",
        calls=_count(line, "calls"),
        units=_count(line, "units"),
        amount=grouped(amount),
        tiers=_tiers(line, currency),
        rounding=_rounding(line),
    )


def free_row(line: Entry) -> Row:
    """Return the row of what was counted at price zero."""
    return Row(
        title=free_reason(str(line["reason"])),
        detail=_product(line) if line["model"] else "",
        calls=_count(line, "calls"),
        units=_count(line, "units"),
        amount="",
    )


def group_adjustments(lines: Iterable[Entry], currency: str) -> tuple[Group, ...]:
    """Group changes of earlier periods by their period, in the document's order."""
    groups: dict[str, list[Row]] = {}
    for line in lines:
        row = free_row(line) if line["kind"] == "free" else usage_row(line, currency)
        said = "Taken back" if line["correction"] == Correction.REVERSAL.value else "Billed anew"
        titled = Row(
            f"{said}: {row.title}",
            row.detail,
            row.calls,
            row.units,
            row.amount or grouped(str(line["amount"])),
            row.tiers,
            row.rounding,
        )
        groups.setdefault(str(line["period"]), []).append(titled)
    return tuple(Group(period, tuple(rows)) for period, rows in sorted(groups.items()))


def _product(line: Entry) -> str:
    operation = str(line["operation"])
    level = "" if line["level"] in ("", STANDARD_LEVEL) else f", level {line['level']}"
    return f"{line['model']}: {OPERATION_WORDS.get(operation, operation)}{level}"


def _tiers(line: Entry, currency: str) -> tuple[TierRow, ...]:
    shares = line["tiers"]
    assert isinstance(shares, list)
    rows: list[TierRow] = []
    below = 0
    for share in shares:
        bound = share["up_to"]
        span = _span(below, bound)
        fee = share["flat_fee"]
        amounts = (
            priced(share["unit_price"], currency),
            "" if fee == "0" else priced(fee, currency),
            priced(share["amount"], currency),
        )
        rows.append(TierRow(span, counted(share["units"]), *amounts))
        below = below if bound is None else bound
    return tuple(rows)


def _span(below: int, bound: int | None) -> str:
    if bound is not None:
        return f"up to {counted(bound)}"
    return f"above {counted(below)}" if below else "each"


def _rounding(line: Entry) -> str:
    """Return the exact amount of a line whose tiers do not show it already."""
    unrounded, amount = str(line["unrounded"]), str(line["amount"])
    shares = line["tiers"]
    if Decimal(unrounded) == Decimal(amount) or (isinstance(shares, list) and len(shares) == 1):
        return ""
    return grouped(unrounded)


def _count(line: Entry, name: str) -> str:
    value = line[name]
    assert isinstance(value, int)
    return counted(value)


def _slug(version: object) -> str:
    return str(version).partition("@")[0]


def _version(version: object) -> str:
    slug, _, day = str(version).partition("@")
    return f"{slug} of {day}" if day else slug
