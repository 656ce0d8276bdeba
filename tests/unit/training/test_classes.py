"""Figures of several classes against scikit-learn's and closed forms."""

import numpy as np
import pytest
from sklearn.metrics import confusion_matrix, f1_score, log_loss, recall_score

from ratecard_workbench.training.classes import (
    CLASS_FIGURES,
    compute_accuracy_difference,
    compute_class_bootstrap,
    compute_class_table,
    compute_confusion,
    compute_probabilities,
    fit_temperature,
)


@pytest.fixture(scope="module")
def answers():
    """Scores and true classes of 4,000 rows: classes drawn by softmax(scores)."""
    random = np.random.default_rng(6)
    scores = random.normal(size=(4000, 5)) * 2
    drawn = random.random((4000, 1)) < np.cumsum(compute_probabilities(scores), axis=1)
    return scores, drawn.argmax(axis=1)


def test_figures_are_scikit_learns(answers):
    """Accuracy, macro recall, macro F1, log-loss and the table of confusions."""
    scores, classes = answers
    probabilities = compute_probabilities(scores)
    called = probabilities.argmax(axis=1)
    found = {name: figure(probabilities, classes) for name, figure in CLASS_FIGURES.items()}
    assert found["accuracy"] == pytest.approx((called == classes).mean())
    assert found["macro_recall"] == pytest.approx(recall_score(classes, called, average="macro"))
    assert found["macro_f1"] == pytest.approx(f1_score(classes, called, average="macro"))
    assert found["log_loss"] == pytest.approx(log_loss(classes, probabilities))
    assert found["calibration_error"] < 0.03
    assert np.array_equal(compute_confusion(probabilities, classes), confusion_matrix(classes, called))


def test_macro_recall_is_the_accuracy_on_balanced_rows(answers):
    """With as many rows of each class the two are one figure."""
    scores, classes = answers
    rows = np.concatenate([np.flatnonzero(classes == name)[:400] for name in range(5)])
    probabilities = compute_probabilities(scores[rows])
    recall, accuracy = (CLASS_FIGURES[name](probabilities, classes[rows]) for name in ("macro_recall", "accuracy"))
    assert recall == pytest.approx(accuracy)


@pytest.mark.parametrize("true", [0.3, 1.0, 2.5])
def test_temperature_finds_the_slope_the_classes_were_drawn_by(true):
    """Scores divided by the true slope are brought back to it."""
    random = np.random.default_rng(3)
    scores = random.normal(size=(20_000, 4))
    drawn = random.random((20_000, 1)) < np.cumsum(compute_probabilities(scores, true), axis=1)
    assert fit_temperature(scores, drawn.argmax(axis=1)) == pytest.approx(true, rel=0.05)


def test_intervals_hold_the_figure_and_are_as_wide_as_sampling_makes_them(answers):
    """The bootstrap's half width for the accuracy is that of a proportion, within a third."""
    scores, classes = answers
    found = compute_class_bootstrap(compute_probabilities(scores), classes, seed=1, draws=300)
    accuracy = found["accuracy"]
    half = 1.96 * np.sqrt(accuracy.value * (1 - accuracy.value) / classes.size)
    assert accuracy.lower < accuracy.value < accuracy.upper
    assert (accuracy.upper - accuracy.lower) / 2 == pytest.approx(half, rel=0.33)


def test_paired_difference_of_known_counts():
    """Of 100 rows 30 are right by the first only, 10 by the second only: variance (b + c - (b - c)^2 / n) / n^2."""
    classes = np.zeros(100, dtype=np.int64)
    right, wrong = np.array([1.0, 0.0]), np.array([0.0, 1.0])
    first = np.array([right] * 30 + [wrong] * 10 + [right] * 60)
    second = np.array([wrong] * 30 + [right] * 10 + [right] * 60)
    found = compute_accuracy_difference(first, second, classes)
    half = 1.959964 * np.sqrt((40 - 20**2 / 100) / 100**2)
    assert (found.value, found.lower, found.upper) == pytest.approx((0.2, 0.2 - half, 0.2 + half))


def test_recall_and_precision_by_class(answers):
    """Rows add up, and recall is the diagonal over its row."""
    scores, classes = answers
    table = compute_class_table(("a", "b", "c", "d", "e"), compute_probabilities(scores), classes)
    found = compute_confusion(compute_probabilities(scores), classes)
    assert sum(row.rows for row in table) == 4000
    assert [row.recall.value for row in table] == pytest.approx((np.diag(found) / found.sum(axis=1)).tolist())
    assert [row.precision.value for row in table] == pytest.approx((np.diag(found) / found.sum(axis=0)).tolist())
