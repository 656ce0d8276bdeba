"""Intervals, against published values, definitions and simulation."""

import numpy as np
import pytest
from scipy.stats import t

from ratecard_workbench.training.discrimination import compute_auc
from ratecard_workbench.training.intervals import (
    compute_bootstrap,
    compute_delong,
    compute_delong_difference,
    compute_resampled,
    compute_wilson,
)


def test_wilson_is_the_published_one():
    """81 of 263: 0.2553 to 0.3662 (Newcombe, Statistics in Medicine 17, 1998, table I, method 3)."""
    interval = compute_wilson(81, 263)
    assert (interval.lower, interval.upper) == pytest.approx((0.2553, 0.3662), abs=5e-5)


def test_wilson_at_the_ends():
    """0 of 29: 0 to 0.1170 (the same table); nothing at all is everything between 0 and 1."""
    assert compute_wilson(0, 29).upper == pytest.approx(0.1170, abs=5e-5)
    assert compute_wilson(0, 29).lower == 0
    assert (compute_wilson(0, 0).lower, compute_wilson(0, 0).upper) == (0, 1)


def delong_variance(scores, events):
    """The definition, pair by pair (DeLong, DeLong and Clarke-Pearson 1988, equations 4 and 5)."""
    bad, good = scores[events == 1], scores[events == 0]
    wins = (bad[:, np.newaxis] > good) + 0.5 * (bad[:, np.newaxis] == good)
    return wins.mean(axis=1).var(ddof=1) / bad.size + wins.mean(axis=0).var(ddof=1) / good.size


def drawn(seed, size=300):
    """Scores with ties, and events."""
    random = np.random.default_rng(seed)
    events = (random.random(size) < 0.3).astype(np.int8)
    return np.round(random.normal(events, 1.0), 1), events


def test_delong_is_its_definition():
    """Ranks give the same variance as all pairs."""
    scores, events = drawn(1)
    interval = compute_delong(scores, events)
    half = 1.959964 * np.sqrt(delong_variance(scores, events))
    assert interval.value == pytest.approx(compute_auc(scores, events))
    assert (interval.lower, interval.upper) == pytest.approx((interval.value - half, interval.value + half), abs=1e-6)


def test_delong_difference_of_one_score_with_itself_is_nothing():
    """The same score differs by nothing, without doubt; a better one differs beyond doubt."""
    scores, events = drawn(2)
    same = compute_delong_difference(scores, scores, events)
    assert (same.value, same.lower, same.upper) == pytest.approx((0, 0, 0), abs=1e-12)
    assert compute_delong_difference(scores + 3.0 * events, scores, events).lower > 0


def test_delong_covers_as_it_says():
    """Over 400 samples of one population, 95 % intervals hold its AUC about 95 times in 100."""
    truth = 0.760250  # normal scores one standard deviation apart: Phi(1 / sqrt(2))
    hits = 0
    for seed in range(400):
        random = np.random.default_rng(seed)
        events = np.repeat(np.array([0, 1], dtype=np.int8), 60)
        interval = compute_delong(random.normal(events, 1.0), events)
        hits += interval.lower <= truth <= interval.upper
    assert 0.91 <= hits / 400 <= 0.98


def test_resampled_interval_by_hand():
    """Mean 0.8, variance 0.01 / 3, widened by 1/4 + 1/3."""
    values = np.array([0.75, 0.75, 0.85, 0.85])
    interval = compute_resampled(values, 1 / 3)
    half = t.ppf(0.975, 3) * np.sqrt(0.01 / 3 * (1 / 4 + 1 / 3))
    assert (interval.lower, interval.value, interval.upper) == pytest.approx((0.8 - half, 0.8, 0.8 + half))


def test_bootstrap_is_seeded_and_near_delong():
    """Equal seeds, equal intervals; for the AUC they are about DeLong's."""
    scores, events = drawn(3, 1500)
    first, again = (compute_bootstrap({"auc": compute_auc}, scores, events, seed=7) for _ in range(2))
    delong = compute_delong(scores, events)
    assert first == again
    assert (first["auc"].lower, first["auc"].upper) == pytest.approx((delong.lower, delong.upper), abs=0.01)
