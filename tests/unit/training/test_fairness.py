"""The fairness table, on populations whose shares are known by construction."""

import numpy as np
import pytest

from ratecard_workbench.training.fairness import Outcomes, band_ages, compute_fairness


def built():
    """80 of group x with 60 approved, 20 of group y with 12; one in four of each is bad, and all of them refused."""
    group = np.array(["x"] * 80 + ["y"] * 20)
    favourable = np.array([True] * 60 + [False] * 20 + [True] * 12 + [False] * 8)
    events = np.array([0] * 60 + [1] * 20 + [0] * 15 + [1] * 5, dtype=np.int8)
    return {"group": group}, Outcomes(np.where(favourable, 0.1, 0.6), favourable, events)


def test_shares_ratio_and_gap_by_hand():
    """0.60 / 0.75 is 0.8; of 15 good rows of y 12 are approved, of 60 of x all."""
    reference, other = compute_fairness(*built())
    assert (reference.group, reference.impact_ratio, reference.opportunity_gap) == ("x", None, 0)
    assert other.favourable_share == pytest.approx(0.6)
    assert other.impact_ratio is not None
    assert other.impact_ratio.value == pytest.approx(0.8)
    assert other.impact_ratio.lower < 0.8 < other.impact_ratio.upper
    assert other.opportunity_gap == pytest.approx(12 / 15 - 1)
    assert (other.event_rate, other.mean_probability) == pytest.approx((0.25, 0.3))


def test_a_tiny_group_is_not_the_reference():
    """Three people who were all approved do not set the standard for a thousand."""
    groups, outcomes = {"group": np.array(["x"] * 997 + ["tiny"] * 3)}, None
    favourable = np.array([True] * 500 + [False] * 497 + [True] * 3)
    outcomes = Outcomes(np.full(1000, 0.2), favourable, np.zeros(1000, dtype=np.int8))
    rows = {row.group: row for row in compute_fairness(groups, outcomes)}
    assert rows["x"].impact_ratio is None
    assert rows["tiny"].auc is None


def test_a_group_without_any_approval_has_ratio_zero():
    """No approval at all is the worst ratio, not an error."""
    groups = {"group": np.array(["x"] * 50 + ["y"] * 50)}
    outcomes = Outcomes(np.full(100, 0.2), np.arange(100) < 50, np.zeros(100, dtype=np.int8))
    rows = {row.group: row for row in compute_fairness(groups, outcomes)}
    assert rows["y"].impact_ratio is not None
    assert rows["y"].impact_ratio.value == 0


def test_age_bands_begin_at_their_edges():
    """29 is under 30, 30 is not, 60 and more is the last band."""
    names = band_ages(np.array([21, 29, 30, 39, 59, 60, 79]))
    assert names.tolist() == ["under 30", "under 30", "30-39", "30-39", "50-59", "60 and over", "60 and over"]
