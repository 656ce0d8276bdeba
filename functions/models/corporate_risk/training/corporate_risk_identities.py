"""Which of the publisher's ratios mean the same for healthy and for bankrupt companies.

Ratios of one statement are tied to each other: sales over assets follow from two pairs of ratios, the quick ratio from
the current one and the inventories. Where such a tie holds for nearly all healthy companies and for half of the
bankrupt ones, the ratio was computed in two ways, and a model that sees it learns who computed it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ratecard_workbench.training.card import format_share, format_table

TOLERANCE = 0.01
"""Relative; the publisher's numbers have five significant digits."""

SMALLEST = 2e-4
"""Absolute: half a unit of the fifth decimal, in products of two."""

Attributes = Callable[[int], NDArray[np.float64]]


@dataclass(frozen=True, slots=True)
class Tie:
    """Two ways to one number.

    Attributes
    ----------
    says : str
        The identity in words.
    used : bool
        Whether the contract's ratios rely on it.
    one, other : callable
        From the attributes, by number, to both.
    """

    says: str
    used: bool
    one: Callable[[Attributes], NDArray[np.float64]]
    other: Callable[[Attributes], NDArray[np.float64]]


@dataclass(frozen=True, slots=True)
class TieRow:
    """In what share of the healthy and of the bankrupt companies a tie holds."""

    says: str
    used: bool
    healthy: float
    bankrupt: float


def _sales(a: Attributes) -> NDArray[np.float64]:
    """Sales over assets, as short-term liabilities give them."""
    return a(63) * a(51)


def _interest_named(a: Attributes) -> NDArray[np.float64]:
    """1 where A27 is there although A11 and A18 say that there are no financial expenses, else 0; NaN if there are."""
    without = np.abs(a(11) - a(18)) < SMALLEST
    return np.where(without, np.isfinite(a(27)).astype(np.float64), np.nan)


TIES = (
    Tie(
        "Sales from net profit (A1, A23) and from short-term liabilities (A63, A51)",
        True,
        lambda a: a(1) / a(23),
        _sales,
    ),
    Tie("Sales from operating profit (A22, A42)", True, lambda a: a(22) / a(42), _sales),
    Tie("Short-term liabilities' days (A62) and turnover (A63)", True, lambda a: 365 / a(62), lambda a: a(63)),
    Tie("Working capital (A3) from the current ratio (A4, A51)", True, lambda a: a(3), lambda a: (a(4) - 1) * a(51)),
    Tie("Current assets from A4, A51 and from A50, A2", True, lambda a: a(4) * a(51), lambda a: a(50) * a(2)),
    Tie(
        "Cash ratio (A40) from current assets, inventories (A20), receivables (A44)",
        True,
        lambda a: a(40),
        lambda a: a(4) - (a(20) + a(44)) / a(62),
    ),
    Tie(
        "Depreciation from A13 and from A26",
        True,
        lambda a: a(13) * _sales(a) - a(18),
        lambda a: a(26) * a(2) - a(1),
    ),
    Tie(
        "Quick ratio (A46) from current assets and inventories",
        False,
        lambda a: a(46),
        lambda a: a(4) - a(20) / a(62),
    ),
    Tie("Total sales (A36) are the sales", False, lambda a: a(36), _sales),
    Tie("Retained earnings (A6) are the year's net profit (A1)", False, lambda a: a(6), lambda a: a(1)),
    Tie("Profit of three years (A24) is one year's (A18)", False, lambda a: a(24), lambda a: a(18)),
    Tie("Short-term liabilities' days of costs (A32) are A52's", False, lambda a: a(32), lambda a: 365 * a(52)),
    Tie(
        "Cost ratio (A58) is operating costs (A33) over total sales (A36)",
        False,
        lambda a: a(58) * a(36),
        lambda a: a(33) * a(51),
    ),
    Tie(
        "Profit on sales (A35) is sales less operating costs (A33)",
        False,
        lambda a: a(35),
        lambda a: _sales(a) - a(33) * a(51),
    ),
    Tie(
        "Interest cover (A27) is given where there are no financial expenses",
        False,
        _interest_named,
        lambda a: np.ones_like(a(1)),
    ),
    Tie(
        "Interest cover (A27) is missing",
        False,
        lambda a: np.isnan(a(27)).astype(np.float64),
        lambda a: np.ones_like(a(1)),
    ),
    Tie(
        "Growth of sales (A21) is missing",
        False,
        lambda a: np.isnan(a(21)).astype(np.float64),
        lambda a: np.ones_like(a(1)),
    ),
)


def measure_ties(attributes: NDArray[np.float64], events: NDArray[np.int8]) -> list[TieRow]:
    """Measure every tie in one year's companies, where both of its sides are known.

    Parameters
    ----------
    attributes : array of float64, shape (rows, 64)
        As the publisher gives them.
    events : array of int8, shape (rows,)
        1 for bankrupt.
    """

    def of(number: int) -> NDArray[np.float64]:
        return attributes[:, number - 1]

    with np.errstate(divide="ignore", invalid="ignore"):
        return [_measure(tie, tie.one(of), tie.other(of), events) for tie in TIES]


def _measure(tie: Tie, one: NDArray[np.float64], other: NDArray[np.float64], events: NDArray[np.int8]) -> TieRow:
    known = np.isfinite(one) & np.isfinite(other)
    holds = np.abs(one - other) <= TOLERANCE * np.maximum(np.abs(one), np.abs(other)) + SMALLEST
    healthy, bankrupt = (float(holds[known & (events == event)].mean()) for event in (0, 1))
    return TieRow(tie.says, tie.used, healthy, bankrupt)


def format_ties(years: Mapping[int, Sequence[TieRow]]) -> str:
    """Write the table of ties, with the shares of healthy and of bankrupt companies by year."""
    headings = ("tie", *(f"year {year}, {group}" for year in years for group in ("healthy", "bankrupt")))
    return format_table(
        headings,
        [
            (rows[0].says, *(format_share(share) for row in rows for share in (row.healthy, row.bankrupt)))
            for rows in zip(*years.values(), strict=True)
        ],
    )
