"""What the contract's ratios cost against all that the data sets have, and what of that is no loss."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
from corporate_risk_data import Companies
from numpy.typing import NDArray

from ratecard_workbench.training.alternatives import Alternative, ComparisonRow, compare_alternatives
from ratecard_workbench.training.boosting import BoostingPlan, learn_lightgbm
from ratecard_workbench.training.card import format_interval, format_table
from ratecard_workbench.training.classifiers import list_alternatives
from ratecard_workbench.training.crossval import Fit, OutOfFold, Scorer, compute_out_of_fold
from ratecard_workbench.training.folds import Protocol, cross_validation
from ratecard_workbench.training.learner import on_columns
from ratecard_workbench.training.population import Population
from ratecard_workbench.training.table import Table

BEST = (24, 27, 5, 46, 26, 34, 58, 39, 13, 6, 29, 21, 9, 11, 56, 41)
"""Sixteen attributes that boosted trees use most, by gain, in the two years: as many as the contract has."""

IN_DOUBT = (5, 6, 9, 11, 21, 24, 25, 27, 30, 31, 32, 33, 34, 35, 36, 37, 39, 41, 46, 56, 57, 58)
"""Attributes whose ties fail more often for one outcome, or that no tie verifies."""

TAIWAN = {
    "current_ratio": "Current Ratio",
    "quick_ratio": "Quick Ratio",
    "cash_ratio": "Cash/Current Liability",
    "liabilities_to_assets": "Debt ratio %",
    "short_term_liabilities_to_assets": "Current Liability to Assets",
    "return_on_assets": "Net Income to Total Assets",
    "operating_profit_to_assets": "ROA(A) before interest and % after tax",
    "operating_margin": "Operating Profit Rate",
    "net_margin": "After-tax net Interest Rate",
    "cash_flow_to_liabilities": "Cash Flow to Liability",
    "pretax_cash_flow_to_sales": "Cash Flow to Sales",
    "asset_turnover": "Total Asset Turnover",
    "inventory_days": "Inventory Turnover Rate (times)",
    "receivable_days": "Average Collection Days",
    "current_assets_to_assets": "Current Assets/Total Assets",
}
"""The Taiwanese column nearest to each ratio; it has none of short-term liabilities over sales."""


SAMPLING = {
    "min_data_in_leaf": 20,
    "feature_fraction": 0.5,
    "bagging_fraction": 0.8,
    "bagging_freq": 1,
    "lambda_l2": 5.0,
}

Judged: TypeAlias = tuple[OutOfFold, Protocol]

FREE: dict[str, Any] = {"max_trees": 200, "parameters": {**SAMPLING, "learning_rate": 0.1, "num_leaves": 15}}
"""Larger trees and more of them, where many columns give them something to find."""


@dataclass(frozen=True, slots=True)
class Subset:
    """How procedures on other columns did on the same rows and folds.

    Attributes
    ----------
    data : str
        Which companies.
    rows, events : int
        How many, and how many bankrupt.
    comparison : sequence of ComparisonRow
        The contract's ratios first.
    """

    data: str
    rows: int
    events: int
    comparison: Sequence[ComparisonRow]


def compare_polish(companies: Companies, plan: BoostingPlan, judged: Judged, *, show: bool) -> Subset:
    """Compare the contract's ratios with the publisher's attributes on one year's companies.

    Parameters
    ----------
    companies : Companies
        Of that year.
    plan : BoostingPlan
        Of the model.
    judged : tuple of OutOfFold and Protocol
        What the model scored, and by which protocol; its first repeat is used.
    show : bool
        Whether to draw progress bars on stderr.
    """
    found, protocol = judged
    attributes = companies.attributes
    missing = np.isnan(attributes).astype(np.float64)
    wide = np.column_stack([attributes, missing, hide_missing(attributes, plan.seed)])
    everything, count = list(range(attributes.shape[1])), attributes.shape[1]
    alike = [number - 1 for number in range(1, count + 1) if number not in IN_DOUBT]
    population = replace(companies.population, columns=wide)
    booster = next(rival for rival in list_alternatives(plan.seed, population) if rival.name == "XGBoost")
    rivals = [
        _alternative("LightGBM, all 64 as published", plan, everything),
        Alternative("XGBoost, all 64 as published", _see(booster.fit, everything)),
        _alternative(f"LightGBM, the best {len(BEST)} by gain", plan, [number - 1 for number in BEST]),
        _alternative("LightGBM, only which of the 64 are missing", plan, [count + place for place in everything]),
        _alternative("LightGBM, all 64, gaps filled at random", plan, [2 * count + place for place in everything]),
        _alternative(f"LightGBM, the {len(alike)} that mean the same for all", plan, alike),
    ]
    table = compare_alternatives(("This model's ratios", found), rivals, population, protocol.first, show=show)
    return Subset(f"Poland, year {companies.year}", len(population), int(population.events.sum()), table)


def compare_taiwan(table: Table, plan: BoostingPlan, *, show: bool) -> Subset:
    """Compare the ratios nearest to the contract's with all 95 columns.

    The publisher scaled each column to [0, 1] by extremes that it does not state, so no client could send them: the
    comparison is of method and subset.
    """
    read = {name.strip(): values for name, values in table.items()}
    names = [name for name in read if name != "Bankrupt?"]
    columns = np.column_stack([read[name].astype(np.float64) for name in names])
    population = Population(columns, read["Bankrupt?"].astype(np.int8))
    protocol = cross_validation(population.events, 10, 1, plan.seed)
    places = [names.index(name) for name in TAIWAN.values()]
    kept = {theirs: plan.monotone[ours] for ours, theirs in TAIWAN.items() if ours in plan.monotone}
    ours = replace(plan, column_names=tuple(_plain(names[place]) for place in places))
    ours = replace(ours, monotone={_plain(name): sign for name, sign in kept.items()})
    learner = on_columns(learn_lightgbm(ours), places)
    found = compute_out_of_fold(learner.as_fit(), population, protocol.folds, label="Taiwan", show=show)
    everything = list(range(len(names)))
    rivals = [
        _alternative("LightGBM, the same columns, no constraints", plan, places),
        _alternative("LightGBM, all 95", plan, everything),
    ]
    compared = compare_alternatives((f"The {len(TAIWAN)} nearest columns", found), rivals, population, protocol.folds)
    return Subset("Taiwan", len(population), int(population.events.sum()), compared)


def hide_missing(attributes: NDArray[np.float64], seed: int) -> NDArray[np.float64]:
    """Fill each gap with the value of another row, drawn without regard to the outcome: gaps then tell nothing."""
    random = np.random.default_rng(seed)
    filled = attributes.copy()
    for column in filled.T:
        gaps = np.isnan(column)
        column[gaps] = random.choice(column[~gaps], int(gaps.sum()))
    return filled


def format_subsets(subsets: Sequence[Subset]) -> str:
    """Write the table of what subsets cost."""
    headings = ("companies", "columns and procedure", "AUC [95 %]", "less these ratios [95 %]")
    return format_table(
        headings,
        [
            (
                f"{subset.data} ({subset.rows:,}, {subset.events:,} bankrupt)",
                row.name,
                format_interval(row.auc),
                "" if row.difference is None else format_interval(row.difference),
            )
            for subset in subsets
            for row in subset.comparison
        ],
    )


def _see(fit: Fit, places: list[int]) -> Fit:
    def fit_some(columns: NDArray[np.float64], events: NDArray[np.int8]) -> Scorer:
        score = fit(columns[:, places], events)
        return lambda unseen: score(unseen[:, places])

    return fit_some


def _plain(name: str) -> str:
    """Return a column's name as LightGBM takes it."""
    return "".join(letter if letter.isalnum() else "_" for letter in name)


def _alternative(name: str, plan: BoostingPlan, places: list[int]) -> Alternative:
    """Return the model's procedure without constraints on other columns, with as many trees as it likes."""
    names = tuple(f"column_{place}" for place in places)
    free = replace(plan, column_names=names, monotone={}, **FREE)
    return Alternative(name, on_columns(learn_lightgbm(free), places).as_fit())
