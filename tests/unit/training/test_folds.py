"""Divisions of the rows, and scores of rows that the model has not seen."""

import numpy as np
import pytest

from ratecard_workbench.training.crossval import compute_out_of_fold
from ratecard_workbench.training.folds import repeated_folds, split_rows


def test_a_split_is_stratified_seeded_and_complete(population):
    """Every row is on one side, the event rates agree, the seed decides."""
    split = split_rows(population.events, 0.2, 5)
    assert np.array_equal(np.sort(np.concatenate([split.train, split.test])), np.arange(len(population)))
    assert population.events[split.test].mean() == pytest.approx(population.events.mean(), abs=0.002)
    assert np.array_equal(split.test, split_rows(population.events, 0.2, 5).test)
    assert not np.array_equal(split.test, split_rows(population.events, 0.2, 6).test)


def test_each_repeat_tests_every_row_once(population):
    """Five folds, twice: ten divisions, and no row is ever in its own training rows."""
    folds = repeated_folds(population.events, 5, 2, 5)
    assert len(folds) == 10
    for repeat in (folds[:5], folds[5:]):
        assert np.array_equal(np.sort(np.concatenate([fold.test for fold in repeat])), np.arange(len(population)))
    assert all(not np.intersect1d(fold.train, fold.test).size for fold in folds)


def test_no_row_is_scored_by_a_model_that_saw_it(population):
    """A model that only remembers its training rows knows nothing of the rows it is tested on."""

    def remember(columns, events):
        known = {row.tobytes(): float(event) for row, event in zip(columns, events, strict=True)}
        return lambda unseen: np.array([known.get(row.tobytes(), -1.0) for row in unseen])

    found = compute_out_of_fold(remember, population, repeated_folds(population.events, 5, 2, 5))
    assert found.margins.shape == (2, len(population))
    assert np.all(found.margins == -1)
    assert found.fold_auc == pytest.approx(np.full(10, 0.5))
    assert found.test_share == pytest.approx(0.25)
