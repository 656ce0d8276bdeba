"""UCI data set 365 (Polish companies) in the words of the contract.

The publisher's file of year n has statements of the n-th year of a forecasting period of six: a bankrupt company of
year 3 failed within three years of its statement, one of year 1 within five.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from corporate_risk.contract import CONTRACT
from ratecard.contract import Number
from ratecard_workbench.training.catalogue import DataSet
from ratecard_workbench.training.population import Population, encode_records, find_repeated
from ratecard_workbench.training.table import Table, load_table

FILES = {1: "polish_bankruptcy/1year.arff.gz", 3: "polish_bankruptcy/3year.csv.gz"}
"""Horizon file by year of the forecasting period."""

ATTRIBUTES = 64
Ratios = Mapping[str, NDArray[np.float64]]


@dataclass(frozen=True, slots=True)
class Cleaning:
    """What cleaning found.

    Attributes
    ----------
    rows_read, repeated : int
        Rows of the file, and those equal to an earlier one; dropped.
    incomplete, incomplete_bankrupt : int
        Rows without one of the contract's ratios (no sales, or no liabilities); dropped. How many of them are bankrupt.
    clipped : int
        Kept rows with a ratio beyond the contract's bounds, which is set to the bound.
    """

    rows_read: int
    repeated: int
    incomplete: int
    incomplete_bankrupt: int
    clipped: int


@dataclass(frozen=True, slots=True)
class Companies:
    """One year's companies.

    Attributes
    ----------
    year : int
        Of the forecasting period: 1 or 3.
    population : Population
        By the contract.
    attributes : array of float64, shape (rows, 64)
        The same rows as the publisher gives them; NaN is missing.
    cleaning : Cleaning
        What was found.
    """

    year: int
    population: Population
    attributes: NDArray[np.float64]
    cleaning: Cleaning


def load_companies(data_set: DataSet, year: int, rows: int | None = None) -> Companies:
    """Read a year's file and put its rows into the words of the contract.

    Parameters
    ----------
    data_set : DataSet
        The Polish companies.
    year : int
        1 or 3.
    rows : int, optional
        Use only so many, spread over the file: its last rows are the bankrupt ones.
    """
    read = stack_attributes(load_table(data_set, FILES[year]))
    if rows is not None:
        read = read[:: max(1, len(read) // rows)]
    return clean(read, year)


def stack_attributes(table: Table) -> NDArray[np.float64]:
    """Return the publisher's 64 attributes and, last, the class: 1 for bankrupt."""
    names = [*(f"Attr{number}" for number in range(1, ATTRIBUTES + 1)), "class"]
    return np.column_stack([table[name].astype(np.float64) for name in names])


def clean(read: NDArray[np.float64], year: int) -> Companies:
    """Drop repeated and incomplete rows, clip the others to the contract's bounds and encode them."""
    kept = read[~find_repeated(np.nan_to_num(read, nan=-1e300))]
    attributes, events = kept[:, :ATTRIBUTES], kept[:, ATTRIBUTES].astype(np.int8)
    ratios = compute_ratios(attributes)
    complete = np.isfinite(np.column_stack([ratios[name] for name in CONTRACT.columns])).all(axis=1)
    columns, clipped = _clip({name: values[complete] for name, values in ratios.items()})
    names = list(columns)
    records = (dict(zip(names, row, strict=True)) for row in np.column_stack(list(columns.values())).tolist())
    population = Population(encode_records(CONTRACT, records), events[complete])
    missing = ~complete
    found = Cleaning(
        len(read), len(read) - len(kept), int(missing.sum()), int(events[missing].sum()), int(clipped.sum())
    )
    return Companies(year, population, attributes[complete], found)


def compute_ratios(attributes: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
    """Return the contract's ratios, in its order.

    Two are put together from others: the publisher's quick ratio (A46) is not computed alike for all companies, and
    neither are its sales over assets (A9, A36); see `corporate_risk_identities`.
    """

    def of(number: int) -> NDArray[np.float64]:
        return attributes[:, number - 1]

    with np.errstate(divide="ignore", invalid="ignore"):
        inventories_to_short_term = np.where(of(20) == 0, 0.0, of(20) / of(62))
    ratios = {
        "current_ratio": of(4),
        "quick_ratio": np.maximum(of(4) - inventories_to_short_term, 0.0),
        "cash_ratio": of(40),
        "liabilities_to_assets": of(2),
        "short_term_liabilities_to_assets": of(51),
        "return_on_assets": of(1),
        "operating_profit_to_assets": of(22),
        "operating_margin": of(42),
        "net_margin": of(23),
        "cash_flow_to_liabilities": of(26),
        "pretax_cash_flow_to_sales": of(13),
        "asset_turnover": of(63) * of(51),
        "inventory_days": of(20),
        "receivable_days": of(44),
        "short_term_liability_days": of(62),
        "current_assets_to_assets": of(4) * of(51),
    }
    return {name: ratios[name] for name in CONTRACT.columns}


def _clip(ratios: Ratios) -> tuple[dict[str, NDArray[np.float64]], NDArray[np.bool_]]:
    """Return the ratios within the contract's bounds, and which rows had one beyond them."""
    bounds = {feature.name: feature for feature in CONTRACT.features if isinstance(feature, Number)}
    found = {name: np.clip(values, bounds[name].minimum, bounds[name].maximum) for name, values in ratios.items()}
    return found, np.any([found[name] != values for name, values in ratios.items()], axis=0)


def compute_typical(population: Population) -> dict[str, float]:
    """Return each ratio's median among the healthy companies, to three significant digits: the contract's TYPICAL."""
    medians = np.median(population.columns[population.events == 0], axis=0)
    return {name: float(f"{median:.3g}") for name, median in zip(CONTRACT.columns, medians, strict=True)}
