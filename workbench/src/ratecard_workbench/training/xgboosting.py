"""XGBoost, seeded and stopped early, with the number of trees chosen away from the rows it is judged on."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import xgboost
from numpy.typing import NDArray

from ratecard_workbench.training.folds import split_rows
from ratecard_workbench.training.learner import Learner

REPRODUCIBLE: Mapping[str, object] = {
    "objective": "binary:logistic",
    "eval_metric": "logloss",
    "tree_method": "hist",
    # Sums of floats depend on their order, and so would the artifact's bytes.
    "nthread": 1,
    "verbosity": 0,
}


@dataclass(frozen=True, slots=True)
class XgboostPlan:
    """How a booster is grown.

    Attributes
    ----------
    parameters : mapping
        XGBoost's parameters beside `REPRODUCIBLE`.
    column_names : tuple of str
        In the order of the columns.
    monotone : mapping of str to int
        Column name to 1 (event likelier as it grows) or -1; columns not named are free.
    max_trees : int
        Budget of trees, >= 1.
    patience : int
        Trees without a better validation loss before growth stops; 0 grows the whole budget without a validation split.
    validation_share : float
        Fraction of the rows that choose the number of trees, in (0, 1).
    seed : int
        Of the validation split and of every sampling.
    """

    parameters: Mapping[str, object]
    column_names: tuple[str, ...]
    monotone: Mapping[str, int]
    max_trees: int
    patience: int
    validation_share: float
    seed: int

    def settings(self) -> dict[str, object]:
        """Return all of XGBoost's parameters."""
        constraints = tuple(self.monotone.get(name, 0) for name in self.column_names)
        settings: dict[str, object] = {**REPRODUCIBLE, **self.parameters, "seed": self.seed}
        return settings | ({"monotone_constraints": str(constraints)} if any(constraints) else {})


def learn_xgboost(plan: XgboostPlan) -> Learner[xgboost.Booster]:
    """Return the whole procedure, number of trees included."""
    return Learner(lambda columns, events: fit_xgboost(columns, events, plan), compute_xgboost_margins)


def fit_xgboost(columns: NDArray[np.float64], events: NDArray[np.int8], plan: XgboostPlan) -> xgboost.Booster:
    """Choose the number of trees on a validation split, then grow that many on all the rows.

    Parameters
    ----------
    columns : array of float64, shape (rows, columns)
        In the order of the plan's column names; NaN is missing. XGBoost sees float32.
    events : array of int8, shape (rows,)
        1 where the event happened.
    plan : XgboostPlan
        How to grow it.
    """
    trees = choose_xgboost_trees(columns, events, plan) if plan.patience else plan.max_trees
    return xgboost.train(plan.settings(), _matrix(columns, events, plan), num_boost_round=trees)


def choose_xgboost_trees(columns: NDArray[np.float64], events: NDArray[np.int8], plan: XgboostPlan) -> int:
    """Return the number of trees with the least log-loss on a validation split of these rows, within the budget."""
    split = split_rows(events, plan.validation_share, plan.seed)
    booster = xgboost.train(
        plan.settings(),
        _matrix(columns[split.train], events[split.train], plan),
        num_boost_round=plan.max_trees,
        evals=[(_matrix(columns[split.test], events[split.test], plan), "validation")],
        early_stopping_rounds=plan.patience,
        verbose_eval=False,
    )
    return int(booster.best_iteration) + 1


def compute_xgboost_margins(booster: xgboost.Booster, columns: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the booster's log-odds of the event before calibration, shape (rows,)."""
    matrix = xgboost.DMatrix(columns, feature_names=booster.feature_names, nthread=1)
    return np.asarray(booster.predict(matrix, output_margin=True), dtype=np.float64)


def _matrix(columns: NDArray[np.float64], events: NDArray[np.int8], plan: XgboostPlan) -> xgboost.DMatrix:
    return xgboost.DMatrix(columns, events, feature_names=list(plan.column_names), nthread=1)
