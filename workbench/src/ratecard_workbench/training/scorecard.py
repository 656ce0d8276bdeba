"""Scorecards: weight-of-evidence bins and a logistic regression on them, as points of log-odds per bin."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from ratecard_workbench.training.binning import BinningPlan, Bins, CategoryBins, NumberBins, bin_category, bin_number
from ratecard_workbench.training.learner import Learner

DIGITS = 6
"""Decimals of log-odds: what lies below depends on the order in which a machine sums."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScorecardPlan:
    """How a scorecard is made.

    Attributes
    ----------
    column_names : tuple of str
        In the order of the columns.
    categories : mapping of str to int
        Columns that hold codes of words, with how many words there are; all others are numbers.
    monotone : mapping of str to int
        Number to 1 (event likelier as it grows) or -1; numbers not named go the way the rows say, without a turn.
    binning : BinningPlan
        How fine bins may be.
    strength : float
        Inverse of the regression's penalty on squared coefficients, > 0.
    """

    column_names: tuple[str, ...]
    categories: Mapping[str, int] = field(default_factory=dict)
    monotone: Mapping[str, int] = field(default_factory=dict)
    binning: BinningPlan = field(default_factory=BinningPlan)
    strength: float = 1.0


@dataclass(frozen=True, slots=True)
class CardColumn:
    """One column of a scorecard.

    Attributes
    ----------
    name : str
        Of the engine's column.
    bins : NumberBins or CategoryBins
        Their weights are log-odds to be added, coefficient included.
    coefficient : float
        What the regression multiplied the weights of evidence with, >= 0; 0 where the column was left out.
    expected : float
        Mean log-odds of the column over the training rows.
    """

    name: str
    bins: Bins
    coefficient: float
    expected: float


@dataclass(frozen=True, slots=True)
class Scorecard:
    """Log-odds of the event = intercept + one bin of each column."""

    intercept: float
    columns: tuple[CardColumn, ...]

    def compute_margins(self, rows: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the log-odds of each row."""
        parts = [column.bins.transform(rows[:, place]) for place, column in enumerate(self.columns)]
        return np.asarray(self.intercept + np.sum(parts, axis=0), dtype=np.float64)


def learn_scorecard(plan: ScorecardPlan) -> Learner[Scorecard]:
    """Return the whole procedure: bins, then coefficients."""
    return Learner(lambda columns, events: fit_scorecard(columns, events, plan), Scorecard.compute_margins)


def fit_scorecard(columns: NDArray[np.float64], events: NDArray[np.int8], plan: ScorecardPlan) -> Scorecard:
    """Bin every column on these rows and fit the regression.

    A column whose coefficient would be negative is left out: it would turn its own weight of evidence around, and with
    it what reasons say. So the direction of each bin is that of its own event rate.

    Parameters
    ----------
    columns : array of float64, shape (rows, columns)
        In the order of the plan's column names; NaN is missing.
    events : array of int8, shape (rows,)
        1 where the event happened.
    plan : ScorecardPlan
        How to make it.
    """
    bins = [_bin(name, columns[:, place], events, plan) for place, name in enumerate(plan.column_names)]
    evidence = np.column_stack([found.transform(columns[:, place]) for place, found in enumerate(bins)])
    coefficients, intercept = fit_nonnegative(evidence, events, plan.strength)
    card = []
    for place, (name, found) in enumerate(zip(plan.column_names, bins, strict=True)):
        scaled = _scale(found, float(coefficients[place]))
        expected = round(float(scaled.transform(columns[:, place]).mean()), DIGITS)
        card.append(CardColumn(name, scaled, float(coefficients[place]), expected))
    return Scorecard(round(intercept, DIGITS), tuple(card))


def fit_nonnegative(
    evidence: NDArray[np.float64], events: NDArray[np.int8], strength: float
) -> tuple[NDArray[np.float64], float]:
    """Fit a logistic regression, leaving out the column with the most negative coefficient until there is none.

    Returns
    -------
    tuple of array, shape (columns,), and float
        Coefficients, 0 where left out, and the intercept.
    """
    used = np.flatnonzero(evidence.std(axis=0) > 0)
    while used.size:
        model = LogisticRegression(C=strength, max_iter=1000).fit(evidence[:, used], events)
        found = model.coef_[0]
        if found.min() >= 0:
            coefficients = np.zeros(evidence.shape[1])
            coefficients[used] = found
            return coefficients, float(model.intercept_[0])
        used = np.delete(used, int(found.argmin()))
    rate = float(events.mean())
    return np.zeros(evidence.shape[1]), float(np.log(rate / (1 - rate)))


def _bin(name: str, values: NDArray[np.float64], events: NDArray[np.int8], plan: ScorecardPlan) -> Bins:
    if name in plan.categories:
        return bin_category(values, events, plan.binning, plan.categories[name])
    return bin_number(values, events, plan.binning, plan.monotone.get(name, 0))


def _scale(bins: Bins, coefficient: float) -> Bins:
    weights = tuple(round(weight * coefficient, DIGITS) + 0.0 for weight in bins.weights)
    missing = round(bins.missing * coefficient, DIGITS) + 0.0
    if isinstance(bins, NumberBins):
        return NumberBins(bins.edges, weights, missing)
    return CategoryBins(weights, missing)
