"""The population stability index, by hand and by simulation."""

import numpy as np
import pytest

from ratecard_workbench.training.stability import Baseline, compute_baseline, compute_shift


def test_index_by_hand():
    """Half and half becomes 60 and 40: 0.1 ln 1.2 - 0.1 ln 0.8."""
    baseline = Baseline((0.0,), (0.5, 0.5, 0.0), 1000)
    later = np.repeat([1.0, -1.0], [60, 40])
    assert compute_shift(baseline, later).index == pytest.approx(0.1 * np.log(1.2) - 0.1 * np.log(0.8))


def test_the_same_population_has_not_shifted():
    """Index 0 and p-value 1."""
    values = np.random.default_rng(1).normal(size=5000)
    shift = compute_shift(compute_baseline(values), values)
    assert shift.index == pytest.approx(0)
    assert shift.p_value == pytest.approx(1)


def test_the_p_value_knows_the_sample_size():
    """Small samples of an unchanged population look shifted by the convention, and rarely by the p-value."""
    random = np.random.default_rng(2)
    baseline = compute_baseline(random.normal(size=20_000))
    shifts = [compute_shift(baseline, random.normal(size=60)) for _ in range(300)]
    assert np.mean([shift.index > 0.10 for shift in shifts]) > 0.5
    assert np.mean([shift.p_value < 0.05 for shift in shifts]) < 0.15


def test_equal_quantiles_become_one_edge_and_missing_has_its_own_bin():
    """Counts with many zeros have fewer bins; shares add up to one."""
    values = np.array([0.0] * 70 + [1.0] * 20 + [2.0] * 5 + [np.nan] * 5)
    baseline = compute_baseline(values)
    assert baseline.edges == (1.0,)
    assert baseline.shares == pytest.approx((0.70, 0.25, 0.05))
    assert compute_shift(baseline, np.full(100, np.nan)).index > 1
