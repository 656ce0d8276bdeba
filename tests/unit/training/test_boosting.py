"""LightGBM as the recipes grow it: monotone, within budget, the same every time."""

from dataclasses import replace

import numpy as np
import pytest
from tests.support.training import PLAN

from ratecard_workbench.training.boosting import choose_tree_count, compute_margins, fit_booster
from ratecard_workbench.training.budget import compute_budgets
from ratecard_workbench.training.discrimination import compute_auc
from ratecard_workbench.training.folds import repeated_folds


def test_two_trainings_write_the_same_bytes(population):
    """Seeded, one thread, deterministic sums."""
    first, second = (fit_booster(population.columns, population.events, PLAN).model_to_string() for _ in range(2))
    assert first == second


def test_another_seed_writes_others(population):
    """The seed is not decoration: it draws the bags and the validation rows."""
    other = fit_booster(population.columns, population.events, replace(PLAN, seed=4))
    assert other.model_to_string() != fit_booster(population.columns, population.events, PLAN).model_to_string()


@pytest.mark.parametrize(("column", "direction"), [(0, 1), (1, -1)])
def test_margins_are_monotone_where_asked(population, column, direction):
    """Sweeping a constrained column never moves the margin the wrong way, at any row."""
    booster = fit_booster(population.columns, population.events, PLAN)
    for row in population.columns[:40]:
        swept = np.tile(row, (60, 1))
        swept[:, column] = np.linspace(-4, 4, 60)
        assert np.all(direction * np.diff(compute_margins(booster, swept)) >= 0)


def test_trees_stay_within_the_budget_and_learn(population):
    """Early stopping chooses between one tree and all; the model beats a coin."""
    assert 1 <= choose_tree_count(population.columns, population.events, PLAN) <= PLAN.max_trees
    booster = fit_booster(population.columns, population.events, PLAN)
    assert compute_auc(compute_margins(booster, population.columns), population.events) > 0.8


def test_patience_stops_growth_on_noise(population):
    """Without signal the best validation loss comes at once."""
    shuffled = np.random.default_rng(1).permutation(population.events)
    assert choose_tree_count(population.columns, shuffled, replace(PLAN, max_trees=400)) < 100


def test_budgets_weigh_more_with_more_trees(population):
    """Each budget is a beginning of the largest model."""
    rows = compute_budgets(PLAN, (1, 10, 40), population, repeated_folds(population.events, 3, 1, 5))
    assert [row.trees for row in rows] == [1, 10, 40]
    assert rows[0].model_bytes < rows[1].model_bytes < rows[2].model_bytes
    assert rows[0].auc < rows[2].auc
