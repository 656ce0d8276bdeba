"""LightGBM, seeded and stopped early, with the number of trees chosen away from the rows it is judged on."""

from collections.abc import Mapping
from dataclasses import dataclass

import lightgbm
import numpy as np
from numpy.typing import NDArray

from ratecard_workbench.training.folds import split_rows
from ratecard_workbench.training.learner import Learner

REPRODUCIBLE: Mapping[str, object] = {
    "objective": "binary",
    # One thread and one histogram layout: sums of floats depend on their order, and so would the artifact's bytes.
    "num_threads": 1,
    "deterministic": True,
    "force_row_wise": True,
    "verbosity": -1,
}


@dataclass(frozen=True, slots=True)
class BoostingPlan:
    """How a booster is grown.

    Attributes
    ----------
    parameters : mapping
        LightGBM's parameters beside `REPRODUCIBLE`.
    column_names : tuple of str
        In the order of the columns.
    monotone : mapping of str to int
        Column name to 1 (event likelier as it grows) or -1; columns not named are free.
    max_trees : int
        Budget of trees, >= 1.
    patience : int
        Trees without a better validation loss before growth stops.
    validation_share : float
        Fraction of the rows that choose the number of trees, in (0, 1).
    seed : int
        Of the validation split, the bagging and the column sampling.
    """

    parameters: Mapping[str, object]
    column_names: tuple[str, ...]
    monotone: Mapping[str, int]
    max_trees: int
    patience: int
    validation_share: float
    seed: int

    def settings(self) -> dict[str, object]:
        """Return all of LightGBM's parameters."""
        constraints = [self.monotone.get(name, 0) for name in self.column_names]
        settings: dict[str, object] = {**REPRODUCIBLE, **self.parameters, "seed": self.seed}
        return settings | ({"monotone_constraints": constraints} if any(constraints) else {})


def learn_lightgbm(plan: BoostingPlan) -> Learner[lightgbm.Booster]:
    """Return the whole procedure, number of trees included."""
    return Learner(lambda columns, events: fit_booster(columns, events, plan), compute_margins)


def choose_tree_count(columns: NDArray[np.float64], events: NDArray[np.int8], plan: BoostingPlan) -> int:
    """Return the number of trees with the least log-loss on a validation split of these rows, within the budget."""
    split = split_rows(events, plan.validation_share, plan.seed)
    train = _data(columns[split.train], events[split.train], plan)
    validation = _data(columns[split.test], events[split.test], plan, train)
    booster = lightgbm.train(
        plan.settings(),
        train,
        num_boost_round=plan.max_trees,
        valid_sets=[validation],
        callbacks=[lightgbm.early_stopping(plan.patience, verbose=False)],
    )
    return int(booster.best_iteration)


def fit_booster(columns: NDArray[np.float64], events: NDArray[np.int8], plan: BoostingPlan) -> lightgbm.Booster:
    """Choose the number of trees on a validation split, then grow that many on all the rows.

    Parameters
    ----------
    columns : array of float64, shape (rows, columns)
        In the order of the plan's column names.
    events : array of int8, shape (rows,)
        1 where the event happened.
    plan : BoostingPlan
        How to grow it.
    """
    return fit_fixed(columns, events, plan, choose_tree_count(columns, events, plan))


def fit_fixed(
    columns: NDArray[np.float64], events: NDArray[np.int8], plan: BoostingPlan, trees: int
) -> lightgbm.Booster:
    """Grow a given number of trees on all the rows."""
    return lightgbm.train(plan.settings(), _data(columns, events, plan), num_boost_round=trees)


def compute_margins(booster: lightgbm.Booster, columns: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the booster's log-odds of the event before calibration, shape (rows,)."""
    return np.asarray(booster.predict(columns, raw_score=True), dtype=np.float64)


def _data(
    columns: NDArray[np.float64],
    events: NDArray[np.int8],
    plan: BoostingPlan,
    reference: lightgbm.Dataset | None = None,
) -> lightgbm.Dataset:
    return lightgbm.Dataset(columns, events, feature_name=list(plan.column_names), reference=reference)
