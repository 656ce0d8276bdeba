"""Weight of evidence against its closed form, a second isotonic fit, and the engine that will serve it."""

import json
from math import log

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.isotonic import IsotonicRegression

from ratecard_workbench.training.binning import (
    BinningPlan,
    bin_category,
    bin_number,
    compute_information_value,
)

FREE = BinningPlan(max_bins=50, smallest_share=0.0, significance=1.0)
"""No merging beyond what a monotone fit asks for."""


def test_weights_are_the_textbooks():
    """Three words with 10, 20 and 40 events in 100 rows each: log-odds less those of all rows, with one row's prior."""
    codes = np.repeat([0.0, 1.0, 2.0], 100)
    events = np.concatenate([np.arange(100) < bad for bad in (10, 20, 40)]).astype(np.int8)
    bins = bin_category(codes, events, BinningPlan(), 3)
    rate = 70 / 300
    expected = [log((bad + rate) / (100 - bad + 1 - rate)) - log(rate / (1 - rate)) for bad in (10, 20, 40)]
    assert bins.weights == pytest.approx(expected)
    # Without the prior this is ln(share of events / share of others), as Siddiqi has it.
    assert bins.weights == pytest.approx([log((bad / 70) / ((100 - bad) / 230)) for bad in (10, 20, 40)], abs=0.03)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from([-1, 0, 1]))
def test_weights_never_turn(seed, direction):
    """Whatever the rows: bins rise or fall throughout, in the direction asked for, and are within the plan."""
    random = np.random.default_rng(seed)
    values = random.choice([random.normal(size=300), random.integers(0, 6, 300).astype(float)])
    values[random.random(300) < 0.1] = np.nan
    events = (random.random(300) < random.uniform(0.1, 0.6)).astype(np.int8)
    bins = bin_number(values, events, BinningPlan(), direction)
    steps = np.diff(bins.weights)
    assert len(bins.weights) == len(bins.edges) + 1 <= 6
    assert list(bins.edges) == sorted(set(bins.edges))
    assert (steps > 0).all() or (steps < 0).all()
    assert not steps.size or direction in (0, np.sign(steps[0]))


def test_pooling_is_isotonic_regression():
    """Without merging of what is alike, the rates of the bins are scikit-learn's isotonic fit of the fine ones."""
    random = np.random.default_rng(4)
    values = random.integers(0, 12, 3000).astype(float)
    events = (random.random(3000) < 0.1 + 0.04 * values + 0.1 * random.random()).astype(np.int8)
    bins = bin_number(values, events, FREE, 1)
    fitted = IsotonicRegression().fit(values, events).predict(values)
    weights = bins.transform(values)
    rates = {weight: events[weights == weight].mean() for weight in np.unique(weights)}
    assert [rates[weight] for weight in weights] == pytest.approx(fitted.tolist())


def test_a_direction_against_the_rows_leaves_one_bin():
    """Where the rows say the opposite, a forced direction has nothing to say."""
    values = np.arange(1000.0)
    events = (values > 700).astype(np.int8)
    assert bin_number(values, events, BinningPlan(), -1).weights == (pytest.approx(0.0, abs=1e-12),)


def test_a_value_on_an_edge_lies_above_it_and_missing_has_its_own_weight():
    """As the engine's file has it: edge i-1 <= value < edge i; what is missing is no number."""
    values = np.concatenate([np.repeat([1.0, 2.0], 200), np.full(50, np.nan)])
    events = np.concatenate([np.arange(200) < 20, np.arange(200) < 80, np.arange(50) < 40]).astype(np.int8)
    bins = bin_number(values, events, BinningPlan(), 0)
    assert bins.edges == (2.0,)
    assert bins.transform(np.array([1.999, 2.0, 3.0, np.nan])).tolist() == [
        *bins.weights,
        bins.weights[1],
        bins.missing,
    ]
    assert bins.missing > bins.weights[1] > bins.weights[0]


def test_rare_and_unseen_words():
    """Words below the smallest share are pooled; a code not seen, or beyond the last, weighs nothing."""
    codes = np.concatenate([np.zeros(500), np.ones(480), np.full(10, 2.0), np.full(10, 3.0)])
    events = np.concatenate([np.arange(500) < 50, np.arange(480) < 240, np.arange(10) < 9, np.arange(10) < 8])
    bins = bin_category(codes, events.astype(np.int8), BinningPlan(), 5)
    # Two per cent together are still too few for a bin of their own: they join the neighbour they are most like.
    assert bins.weights[2] == bins.weights[3] == bins.weights[1] > bins.weights[0]
    assert bins.transform(np.array([4.0, 17.0, np.nan])).tolist() == [0.0, 0.0, 0.0]


def test_information_value_of_a_known_table():
    """Sum of (events' share - others' share) x weight; nothing at all for a column that says nothing."""
    codes = np.repeat([0.0, 1.0], 1000)
    events = np.concatenate([np.arange(1000) < 100, np.arange(1000) < 400]).astype(np.int8)
    bins = bin_category(codes, events, BinningPlan(), 2)
    parts = [(0.2, 900 / 1500), (0.8, 600 / 1500)]
    expected = sum((bad - good) * log(bad / good) for bad, good in parts)
    assert compute_information_value(bins, codes, events) == pytest.approx(expected, abs=0.01)
    blind = bin_number(np.zeros(2000), events, BinningPlan())
    assert compute_information_value(blind, np.zeros(2000), events) == pytest.approx(0, abs=1e-12)


def test_weights_are_plain_numbers():
    """They go into JSON as they are."""
    bins = bin_number(np.arange(100.0), (np.arange(100) > 60).astype(np.int8), BinningPlan())
    assert json.loads(json.dumps(bins.weights)) == list(bins.weights)
