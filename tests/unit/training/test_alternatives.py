"""The alternatives, on a population small enough to fit them all."""

import numpy as np
import pytest

from ratecard_workbench.training.alternatives import compare_alternatives
from ratecard_workbench.training.card import format_comparison, format_table
from ratecard_workbench.training.classifiers import list_alternatives
from ratecard_workbench.training.crossval import OutOfFold, compute_out_of_fold
from ratecard_workbench.training.discrimination import compute_auc
from ratecard_workbench.training.folds import repeated_folds
from ratecard_workbench.training.population import Population

EXPECTED = ("Logistic regression", "Decision tree", "Random forest", "AdaBoost", "Naive Bayes", "GBDT", "XGBoost")


@pytest.fixture(scope="module")
def small(population):
    """Few rows, some values missing."""
    part = population.take(np.arange(400))
    columns = part.columns.copy()
    columns[::7, 2] = np.nan
    return Population(columns, part.events, part.groups)


def test_each_asked_for_procedure_is_there_and_learns(small):
    """All are judged on the same rows as the model, and beat a coin on a population with signal."""
    folds = repeated_folds(small.events, 2, 1, 5)
    own = OutOfFold(small.columns[np.newaxis, :, 0] - small.columns[np.newaxis, :, 1], np.array([0.8, 0.8]), 1.0)
    table = compare_alternatives(("Model", own), list_alternatives(1, small), small, folds)
    assert all(any(row.name.startswith(name) for row in table) for name in EXPECTED)
    assert table[0].difference is None
    assert all(row.auc.value > 0.7 for row in table)
    assert all(row.difference is not None and row.difference.value < 0.05 for row in table[1:])
    assert all(0 < row.brier < 0.25 for row in table)
    assert format_comparison(table).count("\n") == len(table) + 1


def test_alternatives_are_seeded(small):
    """The same seed gives the same scores, so that a card is reproducible."""
    folds = repeated_folds(small.events, 2, 1, 5)[:1]
    for first, again in zip(list_alternatives(1, small), list_alternatives(1, small), strict=True):
        one, two = (compute_out_of_fold(each.fit, small, folds).margins for each in (first, again))
        assert np.array_equal(one, two, equal_nan=True), first.name


def test_words_get_a_column_each_in_models_that_would_rank_their_codes(small):
    """Codes whose risk neither rises nor falls: a linear model of codes sees nothing, one of words does."""
    random = np.random.default_rng(7)
    codes = random.integers(0, 5, (600, 1)).astype(float)
    events = (random.random(600) < np.where(np.isin(codes[:, 0], (0, 2, 4)), 0.7, 0.2)).astype(np.int8)
    codes[::40] = np.nan
    people = Population(codes, events)
    folds = repeated_folds(events, 2, 1, 5)
    found = {}
    for categories in ((), (0,)):
        linear = list_alternatives(1, people, categories=categories)[0]
        found[categories] = compute_auc(compute_out_of_fold(linear.fit, people, folds).margins[0], events)
    assert found[()] < 0.6
    assert found[(0,)] > 0.7


def test_a_model_is_not_compared_with_itself(small):
    """What is left out by name is left out; the others stay in order."""
    names = [each.name for each in list_alternatives(1, small)]
    assert [each.name for each in list_alternatives(1, small, without=("XGBoost",))] == [
        n for n in names if n != "XGBoost"
    ]


def test_a_table_is_markdown():
    """First column left, the others right."""
    assert format_table(("a", "b"), [("x", "1")]) == "| a | b |\n| --- | --: |\n| x | 1 |"
