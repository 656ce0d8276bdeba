"""How many trees a model needs: what each tree budget scores and weighs."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import lightgbm
import numpy as np
from numpy.typing import NDArray

from ratecard_workbench.training.boosting import BoostingPlan, fit_fixed
from ratecard_workbench.training.discrimination import compute_auc
from ratecard_workbench.training.folds import Fold
from ratecard_workbench.training.lightgbm_export import shorten_model
from ratecard_workbench.training.population import Population
from ratecard_workbench.training.progress import track


@dataclass(frozen=True, slots=True)
class BudgetRow:
    """What one budget gives.

    Attributes
    ----------
    trees : int
        Trees of the model.
    auc : float
        Mean over the test folds.
    model_bytes : int
        Size of the exported text.
    """

    trees: int
    auc: float
    model_bytes: int


def compute_budgets(
    plan: BoostingPlan, budgets: Sequence[int], population: Population, folds: Sequence[Fold], *, show: bool = False
) -> list[BudgetRow]:
    """Grow the largest budget on each fold and score its beginnings.

    Parameters
    ----------
    plan : BoostingPlan
        How trees are grown; its own budget is not used.
    budgets : sequence of int
        Numbers of trees, >= 1.
    population : Population
        All rows.
    folds : sequence of Fold
        What the budgets are judged on.
    show : bool
        Whether to draw a progress bar on stderr.
    """
    grown = replace(plan, max_trees=max(budgets))
    auc: dict[int, list[float]] = {trees: [] for trees in budgets}
    booster: lightgbm.Booster | None = None
    for fold in track(folds, "tree budgets", show=show):
        booster = fit_fixed(population.columns[fold.train], population.events[fold.train], grown, grown.max_trees)
        for trees in budgets:
            auc[trees].append(_score(booster, trees, population, fold.test))
    if booster is None:
        raise ValueError("there must be a fold")
    return [BudgetRow(trees, float(np.mean(auc[trees])), _measure(booster, trees)) for trees in budgets]


def _score(booster: lightgbm.Booster, trees: int, population: Population, rows: NDArray[np.intp]) -> float:
    margins = np.asarray(booster.predict(population.columns[rows], num_iteration=trees, raw_score=True))
    return compute_auc(margins, population.events[rows])


def _measure(booster: lightgbm.Booster, trees: int) -> int:
    return len(shorten_model(booster.model_to_string(num_iteration=trees)).encode())
