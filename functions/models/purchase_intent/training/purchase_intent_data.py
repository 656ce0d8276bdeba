"""UCI data set 468, cleaned and put into the words of the contract.

Its module name is unique because a recipe's folder is put on the path as it is.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from purchase_intent.contract import CONTRACT, MONTHS
from ratecard_workbench.training.population import Population, encode_records, find_repeated
from ratecard_workbench.training.table import Table

TARGET = "Revenue"
SOURCES: Mapping[str, str] = {
    "administrative_pages": "Administrative",
    "administrative_seconds": "Administrative_Duration",
    "informational_pages": "Informational",
    "informational_seconds": "Informational_Duration",
    "product_pages": "ProductRelated",
    "product_seconds": "ProductRelated_Duration",
    "bounce_rate": "BounceRates",
    "exit_rate": "ExitRates",
    "page_value": "PageValues",
    "special_day": "SpecialDay",
}
"""Column of the file for each number."""

TIMES = ("Administrative_Duration", "Informational_Duration", "ProductRelated_Duration")
VISITORS = {"New_Visitor": "new", "Returning_Visitor": "returning", "Other": "other"}
CODES = ("OperatingSystems", "Browser", "Region", "TrafficType")
"""Columns of numbers that stand for words nobody has published: never inputs, measured as an alternative only."""


@dataclass(frozen=True, slots=True)
class Cleaning:
    """What cleaning found.

    Attributes
    ----------
    rows_read : int
        Sessions of the file.
    incomplete : int
        Sessions without page counts, times and rates; dropped.
    unmeasured : int
        Complete sessions with a time of -1 second; it became 0.
    repeated : int
        Complete sessions equal to an earlier one in all eighteen columns; dropped.
    repeated_purchases : int
        Those of them that ended in a purchase.
    """

    rows_read: int
    incomplete: int
    unmeasured: int
    repeated: int
    repeated_purchases: int


def clean_table(table: Table) -> tuple[Population, NDArray[np.float64], Cleaning]:
    """Clean the file's sessions and encode them by the contract.

    Parameters
    ----------
    table : dict of str to array
        Columns as the file names them.

    Returns
    -------
    tuple of Population, array of float64 and Cleaning
        Sessions in the order of the file; their `CODES`, shape (sessions, 4); and what was found.
    """
    complete = np.isfinite(np.column_stack([table[name].astype(np.float64) for name in SOURCES.values()])).all(axis=1)
    kept = {name: values[complete] for name, values in table.items()}
    times = np.column_stack([kept[name].astype(np.float64) for name in TIMES])
    unmeasured = (times < 0).any(axis=1)
    kept.update(zip(TIMES, np.maximum(times, 0.0).T, strict=True))
    repeated = find_repeated(np.column_stack([_number(kept[name]) for name in kept]))
    purchases = kept[TARGET].astype(np.int8)
    cleaning = Cleaning(
        rows_read=int(complete.size),
        incomplete=int((~complete).sum()),
        unmeasured=int(unmeasured.sum()),
        repeated=int(repeated.sum()),
        repeated_purchases=int(purchases[repeated].sum()),
    )
    left = {name: values[~repeated] for name, values in kept.items()}
    population = Population(
        encode_records(CONTRACT, list_records(left)), purchases[~repeated], segments=name_segments(left)
    )
    return population, np.column_stack([left[name].astype(np.float64) for name in CODES]), cleaning


def list_records(table: Table) -> list[dict[str, object]]:
    """Return each session as a client of the model would send it."""
    columns: dict[str, list[object]] = {
        name: table[source].astype(np.float64).tolist() for name, source in SOURCES.items()
    }
    columns["month"] = [name_month(str(month)) for month in table["Month"]]
    columns["visitor"] = [VISITORS[str(visitor)] for visitor in table["VisitorType"]]
    columns["weekend"] = table["Weekend"].astype(bool).tolist()
    return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]


def draw_visits(count: int, seed: int) -> NDArray[np.float64]:
    """Draw visits of nobody, as engine rows: what a stored test may hold of the trained machine's answers.

    Parameters
    ----------
    count : int
        Visits, >= 1.
    seed : int
        Same seed, same visits.
    """
    random = np.random.default_rng(seed)
    columns = [
        *(
            part
            for most in (8, 3, 60)
            for part in (random.integers(0, most, count), random.exponential(20 * most, count))
        ),
        random.uniform(0, 0.05, count),
        random.uniform(0, 0.1, count),
        random.choice([0.0, 1.0], count) * random.exponential(20, count),
        random.choice([0.0, 0.4], count),
        random.integers(0, len(MONTHS), count),
        random.integers(0, len(VISITORS), count),
        random.integers(0, 2, count),
    ]
    drawn: NDArray[np.float64] = np.column_stack(columns).astype(np.float64)
    return drawn.round(3)


def name_month(month: str) -> str:
    """Return the contract's name of a month: the file has Feb, Mar, May, June, ..."""
    return next(name for name in MONTHS if name.startswith(month.lower()))


def name_segments(table: Table) -> dict[str, NDArray[np.str_]]:
    """Return the business segments: by page value, kind of visitor and time of year."""
    months = np.array([name_month(str(month)) for month in table["Month"]])
    return {
        "page value": np.where(table["PageValues"].astype(np.float64) > 0, "above 0", "0"),
        "visitor": np.array([VISITORS[str(visitor)] for visitor in table["VisitorType"]]),
        "season": np.where(np.isin(months, MONTHS[:6]), "february to june", "july to december"),
    }


def _number(values: NDArray[np.generic]) -> NDArray[np.float64]:
    """Return numbers as they are, and words as their place among the sorted words."""
    if np.issubdtype(values.dtype, np.number) or values.dtype == np.bool_:
        return values.astype(np.float64)
    return np.unique(values.astype(str), return_inverse=True)[1].astype(np.float64)
