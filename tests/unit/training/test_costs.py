"""Costs and alert budgets against closed forms."""

import numpy as np
import pytest

from ratecard_workbench.training.costs import (
    Costs,
    compute_cheapest_blind,
    compute_cost,
    compute_expected_cost,
    compute_recall_at,
)

GERMAN = Costs(5.0, 1.0, "the data set's documentation")
EVENTS = np.array([1, 1, 0, 0, 0], dtype=np.int8)


def test_the_threshold_is_where_both_errors_cost_the_same():
    """5:1 gives 1/6: five sixths of one false alarm are one sixth of five."""
    assert GERMAN.threshold == pytest.approx(1 / 6)
    assert GERMAN.threshold * 5 == pytest.approx((1 - GERMAN.threshold) * 1)


def test_cost_of_a_known_table():
    """One of two events missed and one of three others alarmed: (5 + 1) / 5."""
    assert compute_cost(GERMAN, np.array([True, False, True, False, False]), EVENTS) == pytest.approx(6 / 5)
    assert compute_expected_cost(GERMAN, np.array([0.9, 0.1, 0.2, 0.1, 0.0]), EVENTS) == pytest.approx(6 / 5)


def test_without_a_model_the_cheaper_of_all_and_none():
    """Two in five events: acting on all costs 3/5, on none 10/5."""
    assert compute_cheapest_blind(GERMAN, EVENTS) == pytest.approx(3 / 5)
    assert compute_cheapest_blind(Costs(1.0, 9.0, ""), EVENTS) == pytest.approx(2 / 5)


def test_no_threshold_beats_the_stated_one_where_probabilities_are_true():
    """With events drawn by the probabilities themselves, other thresholds cost more."""
    random = np.random.default_rng(2)
    chance = random.random(200_000)
    events = (random.random(200_000) < chance).astype(np.int8)
    own = compute_expected_cost(GERMAN, chance, events)
    assert all(compute_cost(GERMAN, chance >= other, events) > own for other in (0.05, 0.1, 0.25, 0.4, 0.5))


@pytest.mark.parametrize(("share", "recall"), [(0.2, 0.5), (0.4, 0.5), (0.6, 1.0), (1.0, 1.0)])
def test_recall_at_a_budget(share, recall):
    """The highest scores first: an event, another row, an event, then two others."""
    scores = np.array([0.9, 0.7, 0.8, 0.2, 0.1])
    assert compute_recall_at(share, scores, EVENTS) == pytest.approx(recall)


def test_ties_at_the_border_count_in_proportion():
    """With equal scores throughout the recall is the share itself, whatever the order of the rows."""
    for events in (EVENTS, EVENTS[::-1]):
        assert compute_recall_at(0.3, np.zeros(5), events) == pytest.approx(0.3)
