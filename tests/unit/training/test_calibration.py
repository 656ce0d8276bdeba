"""Platt's line and the figures of calibration, against closed forms and scikit-learn."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit
from sklearn.linear_model import LogisticRegression

from ratecard_workbench.training.calibration import (
    compute_brier,
    compute_brier_skill,
    compute_calibration_error,
    fit_calibration_line,
)
from ratecard_workbench.training.platt import CalibrationError, fit_platt
from ratecard_workbench.training.summary import FIGURES


def drawn(seed, size=4000):
    """Margins, and events drawn with the probabilities they stand for."""
    random = np.random.default_rng(seed)
    margins = random.normal(-1.0, 1.2, size)
    return margins, (random.random(size) < expit(margins)).astype(np.int8)


def test_the_line_is_the_maximum_likelihood_one():
    """Same slope and intercept as an unpenalised logistic regression."""
    margins, events = drawn(1)
    other = LogisticRegression(C=np.inf, tol=1e-10, max_iter=1000).fit(margins[:, np.newaxis], events)
    platt = fit_platt(margins, events)
    assert platt.slope == pytest.approx(other.coef_[0, 0], abs=1e-6)
    assert platt.intercept == pytest.approx(other.intercept_[0], abs=1e-6)


@given(st.floats(0.01, 100), st.floats(-50, 50))
def test_calibration_undoes_any_scale(factor, shift):
    """Margins on another scale get the same probabilities: votes are calibrated as well as log-odds."""
    margins, events = drawn(2, 500)
    plain, moved = fit_platt(margins, events), fit_platt(factor * margins + shift, events)
    assert moved.probabilities(factor * margins + shift) == pytest.approx(plain.probabilities(margins), abs=1e-6)


@pytest.mark.parametrize("margins", [[0.0, 1.0, 2.0, 3.0], [2.0, 2.0, 2.0, 2.0]])
def test_there_is_no_line_for_separated_or_constant_margins(margins):
    """Separated events would need an infinite slope; constant margins have none."""
    with pytest.raises(CalibrationError):
        fit_platt(np.array(margins), np.array([0, 0, 1, 1], dtype=np.int8))


def test_the_mean_prediction_is_the_event_rate():
    """The score equation of the intercept: calibrated probabilities average to the rate."""
    margins, events = drawn(3)
    assert fit_platt(margins, events).probabilities(margins).mean() == pytest.approx(events.mean(), abs=1e-9)


def test_brier_by_hand():
    """(0.1^2 + 0.4^2) / 2, and its skill against the rate's own 0.25."""
    probabilities, events = np.array([0.1, 0.6]), np.array([0, 1], dtype=np.int8)
    assert compute_brier(probabilities, events) == pytest.approx(0.085)
    assert compute_brier_skill(probabilities, events) == pytest.approx(1 - 0.085 / 0.25)


def test_calibration_error_by_hand():
    """Two bins of two: |0.15 - 0.5| and |0.85 - 1|, each with half of the rows."""
    probabilities, events = np.array([0.1, 0.2, 0.8, 0.9]), np.array([1, 0, 1, 1], dtype=np.int8)
    assert compute_calibration_error(probabilities, events, bins=2) == pytest.approx((0.35 + 0.15) / 2)


def test_true_probabilities_are_calibrated_and_bold_ones_are_not():
    """Slope 1 for the truth, one half where log-odds were doubled."""
    margins, events = drawn(4, 40_000)
    assert fit_calibration_line(expit(margins), events).slope == pytest.approx(1, abs=0.05)
    assert fit_calibration_line(expit(2 * margins), events).slope == pytest.approx(0.5, abs=0.025)


def test_every_figure_takes_probabilities_and_events():
    """The figures every model reports are finite on ordinary data."""
    margins, events = drawn(5)
    values = {name: figure(expit(margins), events) for name, figure in FIGURES.items()}
    assert all(np.isfinite(value) for value in values.values())
    assert values["gini"] == pytest.approx(2 * values["auc"] - 1)
