"""Figures of discrimination, against closed forms and second implementations."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import ks_2samp
from sklearn.metrics import roc_auc_score, roc_curve

from ratecard_workbench.training.discrimination import (
    compute_auc,
    compute_average_precision,
    compute_gini,
    compute_h_measure,
    compute_ks,
)


@st.composite
def scored_events(draw):
    """Scores with many ties, and events of both outcomes."""
    scores = draw(st.lists(st.integers(0, 20), min_size=4, max_size=60))
    bad = draw(st.integers(1, len(scores) - 1))
    events = np.zeros(len(scores), dtype=np.int8)
    events[draw(st.permutations(range(len(scores))))[:bad]] = 1
    return np.array(scores, dtype=np.float64), events


@given(scored_events())
def test_auc_is_that_of_scikit_learn(data):
    """Area under the ROC curve, ties at one half."""
    scores, events = data
    assert compute_auc(scores, events) == pytest.approx(roc_auc_score(events, scores), abs=1e-12)
    assert compute_gini(scores, events) == pytest.approx(2 * roc_auc_score(events, scores) - 1, abs=1e-12)


@given(scored_events())
def test_ks_is_the_two_sample_statistic(data):
    """Largest distance between the two distributions of scores."""
    scores, events = data
    assert compute_ks(scores, events) == pytest.approx(ks_2samp(scores[events == 1], scores[events == 0]).statistic)


def least_losses(scores, events, costs):
    """Least loss at each cost share over all thresholds, by trying every one."""
    false_rates, true_rates, _ = roc_curve(events, scores, drop_intermediate=False)
    bad = events.mean()
    good = 1 - bad
    return (
        (np.outer(costs, good * false_rates) + np.outer(1 - costs, bad * (1 - true_rates))).min(axis=1),
        np.minimum(costs * good, (1 - costs) * bad),
    )


@given(scored_events())
def test_h_measure_is_the_integral_over_costs(data):
    """Closed form over the convex hull = numerical integral of the least loss, weighed by Beta(2, 2)."""
    scores, events = data
    costs = (np.arange(20_000) + 0.5) / 20_000
    loss, worst = least_losses(scores, events, costs)
    weight = 6 * costs * (1 - costs)
    assert compute_h_measure(scores, events) == pytest.approx(1 - (loss @ weight) / (worst @ weight), abs=1e-6)


def test_perfect_and_useless_scores():
    """A perfect score has every figure at its best; a constant one tells nothing."""
    events = np.array([0, 0, 0, 1, 1], dtype=np.int8)
    perfect, constant = np.array([1.0, 2.0, 3.0, 4.0, 5.0]), np.ones(5)
    figures = (compute_auc, compute_ks, compute_h_measure, compute_average_precision)
    assert [figure(perfect, events) for figure in figures] == pytest.approx([1, 1, 1, 1])
    assert [figure(constant, events) for figure in figures] == pytest.approx([0.5, 0, 0, 0.4])


def test_one_outcome_has_no_auc():
    """Without both outcomes there are no pairs to order."""
    with pytest.raises(ValueError, match="both outcomes"):
        compute_auc(np.array([1.0, 2.0]), np.array([0, 0], dtype=np.int8))
