"""What the business does with a score: decisions, grades, costs and alerts, as a study measures them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from ratecard_workbench.training.costs import (
    Costs,
    compute_cheapest_blind,
    compute_cost,
    compute_expected_cost,
    compute_recall_at,
)
from ratecard_workbench.training.intervals import Figure, Interval, compute_wilson
from ratecard_workbench.training.labels import compute_accuracy_at, compute_f1_at
from ratecard_workbench.training.population import Population


@dataclass(frozen=True, slots=True)
class MasterScale:
    """Grades over a score in points.

    Attributes
    ----------
    floors : tuple of (str, int)
        Grades and their lowest scores, best first.
    worst : str
        Name of the grade below all floors.
    score : callable
        From calibrated log-odds of one row to its points; higher is better.
    """

    floors: tuple[tuple[str, int], ...]
    worst: str
    score: Callable[[float], int]

    def compute_scores(self, log_odds: NDArray[np.float64]) -> NDArray[np.int64]:
        """Return the points of each row."""
        return np.array([self.score(value) for value in log_odds.tolist()], dtype=np.int64)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What the business does with a row.

    Attributes
    ----------
    decide : callable
        From calibrated log-odds, shape (rows,), and the population to each row's decision: the model's own rules.
    decisions : tuple of str
        Their names, from the most to the least favourable.
    favourable : tuple of str
        Those that a person hopes for; the fairness table compares their shares.
    scale : MasterScale or None
        Grades, where the model gives them.
    costs : Costs or None
        Of the two kinds of error, where the data's publisher or the business states them.
    acted : tuple of str
        Decisions that treat the row as if the event would happen; with `costs` only.
    alert_rates : tuple of float
        Shares of the rows that could be looked at, in (0, 1]: recall is measured at each.
    cut : float or None
        Probability from which a row is called an event, where others published accuracy and F1: both are then measured.
    """

    decide: Callable[[NDArray[np.float64], Population], NDArray[np.str_]]
    decisions: tuple[str, ...]
    favourable: tuple[str, ...]
    scale: MasterScale | None = None
    costs: Costs | None = None
    acted: tuple[str, ...] = ()
    alert_rates: tuple[float, ...] = ()
    cut: float | None = None

    def list_figures(self) -> dict[str, Figure]:
        """Return the figures of probabilities and events that these rules add to every model's own."""
        figures = {f"recall_at_{rate:g}": _recall_at(rate) for rate in self.alert_rates}
        if self.costs is not None:
            figures["expected_cost"] = _cost_of(self.costs)
        if self.cut is not None:
            figures |= {"accuracy": partial(compute_accuracy_at, self.cut), "f1": partial(compute_f1_at, self.cut)}
        return figures


@dataclass(frozen=True, slots=True)
class DecisionRow:
    """One decision: how many rows get it, and what became of them."""

    decision: str
    rows: int
    share: float
    rate: Interval


@dataclass(frozen=True, slots=True)
class CostRow:
    """Mean cost of a row, in the unit of the costs.

    Attributes
    ----------
    threshold : float
        Probability above which acting is cheaper.
    at_threshold : float
        If one acts above it.
    by_decisions : float
        If one acts by the model's decisions.
    without_model : float
        If one acts on all rows or on none, whichever is cheaper.
    """

    threshold: float
    at_threshold: float
    by_decisions: float
    without_model: float


def compute_decision_table(
    names: Sequence[str], decisions: NDArray[np.str_], events: NDArray[np.int8]
) -> list[DecisionRow]:
    """Count each decision and measure its event rate, in the order of the names."""
    table = []
    for name in names:
        inside = decisions == name
        rows = int(inside.sum())
        table.append(DecisionRow(name, rows, rows / inside.size, compute_wilson(int(events[inside].sum()), rows)))
    return table


def compute_cost_row(
    rules: Rules, decisions: NDArray[np.str_], probabilities: NDArray[np.float64], events: NDArray[np.int8]
) -> CostRow | None:
    """Return what acting costs by the threshold, by the decisions and without a model; None without stated costs."""
    if rules.costs is None:
        return None
    return CostRow(
        rules.costs.threshold,
        compute_expected_cost(rules.costs, probabilities, events),
        compute_cost(rules.costs, np.isin(decisions, rules.acted), events),
        compute_cheapest_blind(rules.costs, events),
    )


def _recall_at(rate: float) -> Figure:
    return lambda scores, events: compute_recall_at(rate, scores, events)


def _cost_of(costs: Costs) -> Figure:
    return lambda probabilities, events: compute_expected_cost(costs, probabilities, events)
